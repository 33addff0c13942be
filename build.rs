//! Compiles the contract with protox, so that no `protoc` has to be installed.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

/// What is boxed: variants so large that every value of their enum would pay for them
/// (oneofs), or so rare beside a beat (fields) that a batch of beats should not carry them.
const BOXED: [&str; 8] = [
    ".tenure.v1.BatchStartResult.result.started",
    ".tenure.v1.BatchStartResult.result.failed",
    ".tenure.v1.AwaitSessionResponse.update.grant",
    ".tenure.v1.AwaitSessionResponse.update.position",
    ".tenure.v1.WatchSessionsResponse.update.event",
    ".tenure.v1.Beat.usage",
    ".tenure.v1.Renewal.activity",
    ".tenure.v1.Renewal.directives",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut files = Vec::new();
    for entry in fs::read_dir("proto/tenure/v1")? {
        files.push(entry?.path());
    }
    files.sort();
    let descriptors = protox::compile(&files, ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("tenure_descriptor.bin"), descriptors.encode_to_vec())?;

    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    // Ordered maps, so that equal messages encode to equal bytes.
    config.btree_map(["."]);
    let mut builder = tonic_prost_build::configure().codec_path("crate::codec::SmallBufferCodec");
    for path in BOXED {
        builder = builder.boxed(path);
    }
    builder.compile_fds_with_config(descriptors, config)?;
    Ok(())
}
