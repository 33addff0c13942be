//! What tries to make tenure lose what it acknowledged, lie about who holds what, or stand still.
//!
//! Each way of trying is a module with a short form, which `cargo test` runs, and a long form,
//! which is a command of the program `tenure-reliability`. What is promised, and which of these
//! holds it, is said in `docs/reliability.md`.

pub mod crash;
pub mod faults;
pub mod fuzz;
pub mod history;
pub mod in_process;
pub mod process;
pub mod progress;
pub mod simulation;

pub use tenure_model as model;
