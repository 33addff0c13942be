//! The server: a group-commit engine over a store, behind gRPC services.

pub mod access;
pub mod config;
pub mod contract;
pub mod descriptors;
pub mod drain;
pub mod engine;
pub mod grpc;
pub mod health;
pub mod ids;
pub mod listen;
pub mod logging;
pub mod retention;
pub mod run;
pub mod serve;
pub mod signals;
pub mod store;
pub mod supervisor;
pub mod time;
pub mod watch;
