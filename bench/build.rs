//! Compiles the part of etcd's API that is measured against with protox, as the root crate does
//! its own contract, so that no `protoc` has to be installed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(["etcd.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_server(false)
        // The same small buffers as ours: neither pays for the other's.
        .codec_path("tenure::codec::SmallBufferCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
