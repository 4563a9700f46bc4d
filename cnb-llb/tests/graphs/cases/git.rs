use cnb_llb::Git;
use cnb_llb::GitSignature;

use super::Case;
use super::DIGEST_ONE;

pub(super) fn cases() -> Vec<Case> {
    let git = || Git::new("https://example.com/a/b.git");
    let bundle = || git().bundle(format!("oci-layout+blob://example.com/app@{DIGEST_ONE}"));
    let host = "example.com ssh-ed25519 AAAA\n";
    let ssh = Git::new("ssh://git@example.com:22/a").known_ssh_hosts(host).known_ssh_hosts("two");
    let signature = GitSignature {
        public_keys: "keys".into(),
        reject_expired: true,
        require_signed_tag: true,
        ignore_signed_tag: true,
    };
    vec![
        ("git", git().state()),
        ("git-no-scheme", Git::new("example.com/a//b").reference("main").state()),
        ("git-http", Git::new("HTTP://user@example.com:80/a%20b#ignored").state()),
        ("git-scheme", Git::new("git://example.com/a").state()),
        ("git-reference", git().reference("main").state()),
        ("git-subdir", git().subdir("x/y").state()),
        ("git-reference-subdir", git().reference("main").subdir("x").state()),
        ("git-scp", Git::new("git@example.com:a/b.git").known_ssh_hosts(host).state()),
        ("git-ssh", ssh.ssh_agent("agent").state()),
        ("git-keep-dir", git().keep_git_dir().state()),
        ("git-secrets", git().auth_token_secret("token").auth_header_secret("header").state()),
        ("git-checksum", git().reference("main").checksum("1234abcd").state()),
        ("git-fetch-by-commit", git().reference("main").checksum("1234abcd").fetch_by_commit().state()),
        ("git-skip-submodules", git().skip_submodules().state()),
        ("git-commit-time", git().commit_time().state()),
        ("git-advice", git().advice().state()),
        ("git-bundle", bundle().state()),
        ("git-bundle-store", bundle().bundle_store("session", "store").state()),
        ("git-checkout-bundle", git().checkout_bundle().state()),
        ("git-signature", git().verify(signature).state()),
    ]
}
