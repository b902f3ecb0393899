//! The program over HTTP: started in this process on a free port, asked through a socket.

mod bad_input;
mod client;
mod contract;
mod feed;
mod model;
mod settings;
mod writing;
