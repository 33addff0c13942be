//! The API, the typed client and the lease holder of tenure, a lease service for
//! workspaces.
//!
//! [`Client`] calls the service: it knows several endpoints, fails over between them, and
//! repeats a call whose answer was lost without doing it twice. [`LeaseHolder`] keeps a
//! lease alive in the background and says when it is lost. [`v1`] is the generated
//! contract, which both speak.
//!
//! ```no_run
//! # async fn example() -> Result<(), tenure::Error> {
//! let client = tenure::Client::connect("http://127.0.0.1:7420".parse()?).await?;
//! let request = tenure::v1::GetSessionRequest { workspace: "acme/api".into(), ..Default::default() };
//! let answer = client.get_session(request).await?;
//! assert!(answer.session.is_some());
//! # Ok(())
//! # }
//! ```

#![deny(missing_docs)]

pub mod codec;

mod client;
mod endpoint;
mod error;
pub mod holder;
mod pool;
mod repeat;

pub use client::{Client, ClientOptions, Pageable, Pages, Waiting, Watch};
pub use endpoint::{Endpoint, Endpoints};
pub use error::{Error, Refused};
pub use holder::{LeaseHolder, Loss, LossKind, StartRequest, Supervisor};
pub use v1::ErrorReason as Reason;

/// The generated contract: messages, clients and servers of package `tenure.v1`.
pub mod v1 {
    #![expect(
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code says allow where our own says expect, and boxes only what is told"
    )]
    tonic::include_proto!("tenure.v1");
}

/// The encoded descriptor set of the contract, for reflection and for canonical JSON.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/tenure_descriptor.bin"));
