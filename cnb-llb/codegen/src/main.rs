//! Writes the services that `bollard-buildkit-proto` lacks to `cnb-llb/src/pb/generated/`.

use std::error::Error;
use std::fs;
use std::path::Path;

use tonic_prost_build::manual;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = root.join("../src/pb/generated");
    fs::create_dir_all(&out)?;
    content(&root.join("proto"), &out)?;
    file_send(&out);
    Ok(())
}

/// The content service, out of its definition.
fn content(protos: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(["content.proto"], [protos])?;
    tonic_prost_build::configure()
        .extern_path(".google.protobuf", "::bollard_buildkit_proto::google::protobuf")
        .compile_well_known_types(true)
        .btree_map(".")
        .out_dir(out)
        .compile_fds(descriptors)?;
    Ok(())
}

/// `FileSend` with messages left as bytes: they are chunks of a file or packets of a directory, as the exporter likes.
fn file_send(out: &Path) {
    let method = manual::Method::builder()
        .name("diff_copy")
        .route_name("DiffCopy")
        .input_type("::bytes::Bytes")
        .output_type("::bytes::Bytes")
        .codec_path("crate::pb::frames::FrameCodec")
        .client_streaming()
        .server_streaming()
        .build();
    let service =
        manual::Service::builder().name("FileSend").package("moby.filesync.v1").method(method).build();
    manual::Builder::new().build_client(false).out_dir(out).compile(&[service]);
}
