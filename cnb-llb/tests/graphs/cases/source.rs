use cnb_llb::Differ;
use cnb_llb::Http;
use cnb_llb::HttpSignature;
use cnb_llb::ImageBlob;
use cnb_llb::Local;
use cnb_llb::OciLayout;
use cnb_llb::Platform;
use cnb_llb::RecordType;
use cnb_llb::ResolveMode;

use super::Case;
use super::DIGEST_ONE;
use super::DIGEST_TWO;
use super::alpine;
use super::amd64;
use super::arm;
use super::image;
use super::scratch;

pub(super) fn cases() -> Vec<Case> {
    let windows = Platform::new("windows", "amd64").with_os_version("10.0.1").with_os_features(["win32k"]);
    let blob = format!("example.com/app@{DIGEST_ONE}");
    let layout = || OciLayout::new(&blob).platform(amd64());
    let in_layout = || ImageBlob::in_oci_layout(&blob);
    vec![
        ("scratch", scratch()),
        ("image", alpine()),
        ("image-owner", image("me/app:1").state()),
        ("image-registry", image(&format!("localhost:5000/a/b@{DIGEST_ONE}")).state()),
        ("image-platform", image("alpine").platform(arm()).state()),
        ("image-windows", image("example.com/nano").platform(windows).state()),
        ("image-pull", image("alpine").resolve_mode(ResolveMode::Pull).state()),
        ("image-prefer-local", image("alpine").resolve_mode(ResolveMode::PreferLocal).state()),
        ("image-internal", image("alpine").record_type(RecordType::Internal).state()),
        ("image-layer-limit", image("alpine").layer_limit(3).state()),
        ("image-checksum", image("alpine").checksum(DIGEST_ONE).state()),
        ("oci-layout", layout().state()),
        ("oci-layout-store", layout().session("session").store("store").state()),
        ("oci-layout-layer-limit", layout().layer_limit(2).platform(arm()).state()),
        ("image-blob", ImageBlob::new(format!("alpine@{DIGEST_ONE}")).state()),
        ("image-blob-file", ImageBlob::new(&blob).filename("f").chmod(0o640).chown(1, 2).state()),
        ("oci-layout-blob", in_layout().session("session").store("store").state()),
        ("oci-layout-blob-file", in_layout().filename("f").chmod(0o600).chown(0, 2).state()),
    ]
    .into_iter()
    .chain(local_cases())
    .chain(http_cases())
    .collect()
}

fn local_cases() -> Vec<Case> {
    let local = || Local::new("context").unique("unique");
    vec![
        ("local", local().state()),
        ("local-session", local().session("session").state()),
        ("local-include", local().include(["a", "<b> & \"c\"\\\u{2028}é"]).state()),
        ("local-exclude", local().exclude(["**/*.o", "!keep.o"]).state()),
        ("local-follow", local().follow(["a/b"]).state()),
        ("local-no-patterns", local().include(Vec::<String>::new()).state()),
        ("local-shared-key-hint", local().shared_key_hint("hint").session("s").state()),
        ("local-differ-none", local().differ(Differ::None).state()),
        ("local-differ-required", local().required_differ(Differ::Metadata).state()),
        ("local-metadata-only", local().metadata_only(Vec::<String>::new()).state()),
        ("local-metadata-only-except", local().metadata_only(["*.go"]).state()),
    ]
}

fn http_cases() -> Vec<Case> {
    let http = || Http::new("https://example.com/");
    let signature = HttpSignature { signature: "signature".into(), public_keys: "keys".into() };
    vec![
        ("http", Http::new("https://example.com/file?a=b#c").state()),
        ("http-checksum", http().checksum(DIGEST_TWO).state()),
        ("http-file", http().filename("f").chmod(0o755).chown(3, 4).state()),
        ("http-auth", http().auth_header_secret("id").state()),
        ("http-headers", http().accept("a/b").user_agent("me").state()),
        ("http-signature", http().verify(signature).state()),
    ]
}
