//! The daemon's configuration without the daemon: RocksDB takes minutes to compile and none of it is fuzzed.

#[path = "../../../src/server"]
mod server {
    pub mod config;
    pub mod text_file;
}

pub use server::{config, text_file};
