//! What bit other central systems.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod calls;
mod connection;
mod corpus;
mod site;
