//! The server: a group-commit engine over a store, behind gRPC services.

pub mod access;
pub mod config;
pub mod engine;
pub mod grpc;
pub mod store;
pub mod time;
