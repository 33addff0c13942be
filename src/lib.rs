//! The API of tenure, a lease service for workspaces: the generated messages and stubs.

#![deny(missing_docs)]

pub mod codec;

/// The generated contract: messages, clients and servers of package `tenure.v1`.
pub mod v1 {
    #![expect(
        unused_qualifications,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        reason = "generated code says allow where our own says expect"
    )]
    tonic::include_proto!("tenure.v1");
}

/// The encoded descriptor set of the contract, for reflection and for canonical JSON.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/tenure_descriptor.bin"));
