//! Both sides of the interface.
//!
//! With `ssr` (the server): the documented routes and the live feed (`api`), pages rendered as HTML, server
//! functions. With `hydrate` (the browser): the same pages, taken over and kept live. Server functions live below
//! `/fn`; `/api`, `/bmw` and `/ws` are the documented world.

#[cfg(feature = "ssr")]
pub mod state;
