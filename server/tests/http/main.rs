//! The program over HTTP: started in this process on a free port, asked through a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // in functions that tests share
#![allow(clippy::format_push_string, clippy::format_collect)] // speed is no matter here

mod access;
mod alerts;
mod audit;
mod bad_input;
mod browser;
mod charger_commands;
mod charger_passwords;
mod client;
mod command;
mod contract;
mod diagnostics;
mod distribution;
mod feed;
mod language;
mod limits;
mod model;
mod on_site;
mod operating;
mod pages;
mod proxies;
mod settings;
mod sign_in;
mod simulator;
mod tls;
