//! Images in OCI layouts of the client.

use std::path::Path;

use cnb_llb::client::Export;
use cnb_llb::client::SolveRequest;
use cnb_llb::session::Session;
use sha2::Digest;
use sha2::Sha256;

use crate::engine::hex;
use crate::engine::id;
use crate::engine::on_each;
use crate::engine::solve;
use crate::graph::Graph;

/// Makes a layout with an image of one program at `/program`. Gives the digest of its manifest.
fn layout(directory: &Path, program: &[u8]) -> String {
    std::fs::create_dir_all(directory.join("blobs/sha256")).expect("it is new");
    let blob = |bytes: &[u8]| {
        let hex = hex(&Sha256::digest(bytes));
        std::fs::write(directory.join("blobs/sha256").join(&hex), bytes).expect("it is new");
        format!("sha256:{hex}")
    };
    let layer = tar(program);
    let layer_digest = blob(&layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Entrypoint":["/program"]}},"rootfs":{{"type":"layers","diff_ids":["{layer_digest}"]}}}}"#
    );
    let config_digest = blob(config.as_bytes());
    let oci = "application/vnd.oci.image";
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{oci}.manifest.v1+json","config":{{"mediaType":"{oci}.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"{oci}.layer.v1.tar","digest":"{layer_digest}","size":{}}}]}}"#,
        config.len(),
        layer.len()
    );
    let digest = blob(manifest.as_bytes());
    std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("it is new");
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{oci}.manifest.v1+json","digest":"{digest}","size":{}}}]}}"#,
        manifest.len()
    );
    std::fs::write(directory.join("index.json"), index).expect("it is new");
    digest
}

/// An archive of one file.
fn tar(program: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let mut set = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    set(0, "program");
    set(100, "0000755\0");
    set(108, "0000000\0");
    set(116, "0000000\0");
    set(124, &format!("{:011o}\0", program.len()));
    set(136, "00000000000\0");
    set(148, "        ");
    set(156, "0");
    set(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|&byte: &u8| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = vec![0; program.len().next_multiple_of(512) - program.len() + 1024];
    [header.as_slice(), program, &padding].concat()
}

#[test]
#[ignore = "needs engines: run by cargo xtask test engines"]
fn images_come_from_layouts() {
    on_each(async |client| {
        let directory = tempfile::tempdir().expect("there is a directory");
        let program = vec![b'x'; 3 << 20];
        let digest = layout(directory.path(), &program);
        let session_id = id();
        let attributes = [("oci.store", "images"), ("oci.session", session_id.as_str())];
        let graph = Graph::source(&format!("oci-layout://images/image@{digest}"), &attributes);
        let out = tempfile::tempdir().expect("there is a directory");
        let export = Export::new("local").to_directory(out.path());
        let request = SolveRequest::new(id()).with_definition(graph).with_export(export);
        let session = Session::new(&session_id).with_layout("images", directory.path());
        let (answer, _) = solve(&client, request, session).await;
        answer.expect("it works");
        assert!(std::fs::read(out.path().join("program")).expect("it is there") == program);
    });
}
