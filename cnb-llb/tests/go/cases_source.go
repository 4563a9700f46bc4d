package main

import (
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

func sourceCases() []testCase {
	blob := "example.com/app@" + digestOne
	local := func(opts ...llb.LocalOption) llb.State { return llb.Local("context", opts...) }
	return []testCase{
		{"scratch", scratch},
		{"image", alpine},
		{"image-owner", llb.Image("me/app:1")},
		{"image-registry", llb.Image("localhost:5000/a/b@" + digestOne)},
		{"image-platform", llb.Image("alpine", armV7)},
		{"image-windows", llb.Image("example.com/nano", windows)},
		{"image-pull", llb.Image("alpine", llb.ResolveModeForcePull)},
		{"image-prefer-local", llb.Image("alpine", llb.ResolveModePreferLocal)},
		{"image-internal", llb.Image("alpine", llb.MarkImageInternal)},
		{"image-layer-limit", llb.Image("alpine", llb.WithLayerLimit(3))},
		{"image-checksum", llb.Image("alpine", llb.WithImageChecksum(digestOne))},
		{"oci-layout", llb.OCILayout(blob)},
		{"oci-layout-store", llb.OCILayout(blob, llb.OCIStore("session", "store"))},
		{"oci-layout-layer-limit", llb.OCILayout(blob, llb.OCILayerLimit(2), armV7)},
		{"image-blob", llb.ImageBlob("alpine@" + digestOne)},
		{"image-blob-file", llb.ImageBlob(blob, llb.Filename("f"), llb.Chmod(0o640), llb.Chown(1, 2))},
		{"oci-layout-blob", llb.OCILayoutBlob(blob, llb.ImageBlobOCIStore("session", "store"))},
		{"oci-layout-blob-file", llb.OCILayoutBlob(blob, llb.Filename("f"), llb.Chmod(0o600), llb.Chown(0, 2))},
		{"local", local()},
		{"local-session", local(llb.SessionID("session"))},
		{"local-include", local(llb.IncludePatterns([]string{"a", "<b> & \"c\"\\\u2028é"}))},
		{"local-exclude", local(llb.ExcludePatterns([]string{"**/*.o", "!keep.o"}))},
		{"local-follow", local(llb.FollowPaths([]string{"a/b"}))},
		{"local-no-patterns", local(llb.IncludePatterns(nil))},
		{"local-shared-key-hint", local(llb.SharedKeyHint("hint"), llb.SessionID("s"))},
		{"local-differ-none", local(llb.Differ(llb.DiffNone, false))},
		{"local-differ-required", local(llb.Differ(llb.DiffMetadata, true))},
		{"local-metadata-only", local(llb.MetadataOnlyTransfer(nil))},
		{"local-metadata-only-except", local(llb.MetadataOnlyTransfer([]string{"*.go"}))},
		{"http", llb.HTTP("https://example.com/file?a=b#c")},
		{"http-checksum", llb.HTTP("https://example.com/", llb.Checksum(digestTwo))},
		{"http-file", llb.HTTP("https://example.com/", llb.Filename("f"), llb.Chmod(0o755), llb.Chown(3, 4))},
		{"http-auth", llb.HTTP("https://example.com/", llb.AuthHeaderSecret("id"))},
		{"http-headers", llb.HTTP("https://example.com/", llb.Header(llb.HTTPHeader{Accept: "a/b", UserAgent: "me"}))},
		{"http-signature", llb.HTTP("https://example.com/", llb.VerifyPGPSignature(llb.HTTPSignatureInfo{
			PubKey: []byte("keys"), Signature: []byte("signature"),
		}))},
	}
}

func gitCases() []testCase {
	url := "https://example.com/a/b.git"
	bundle := "oci-layout+blob://example.com/app@" + digestOne
	hosts := llb.KnownSSHHosts("example.com ssh-ed25519 AAAA\n")
	return []testCase{
		{"git", llb.Git(url, "")},
		{"git-no-scheme", llb.Git("example.com/a//b", "main")},
		{"git-http", llb.Git("HTTP://user@example.com:80/a%20b#ignored", "")},
		{"git-scheme", llb.Git("git://example.com/a", "")},
		{"git-reference", llb.Git(url, "", llb.GitRef("main"))},
		{"git-subdir", llb.Git(url, "", llb.GitSubDir("x/y"))},
		{"git-reference-subdir", llb.Git(url, "main:x")},
		{"git-scp", llb.Git("git@example.com:a/b.git", "", hosts)},
		{"git-ssh", llb.Git("ssh://git@example.com:22/a", "", hosts, llb.KnownSSHHosts("two"), llb.MountSSHSock("agent"))},
		{"git-keep-dir", llb.Git(url, "", llb.KeepGitDir())},
		{"git-secrets", llb.Git(url, "", llb.AuthTokenSecret("token"), llb.AuthHeaderSecret("header"))},
		{"git-checksum", llb.Git(url, "main", llb.GitChecksum("1234abcd"))},
		{"git-fetch-by-commit", llb.Git(url, "main", llb.GitChecksum("1234abcd"), llb.GitFetchByCommit())},
		{"git-skip-submodules", llb.Git(url, "", llb.GitSkipSubmodules())},
		{"git-commit-time", llb.Git(url, "", llb.GitMTimeCommit())},
		{"git-advice", llb.Git(url, "", llb.GitAdvice(true))},
		{"git-bundle", llb.Git(url, "", llb.GitBundleURL(bundle))},
		{"git-bundle-store", llb.Git(url, "", llb.GitBundleURL(bundle, llb.GitBundleOCIStore("session", "store")))},
		{"git-checkout-bundle", llb.Git(url, "", llb.GitCheckoutBundle())},
		// The client has no options for these.
		{"git-signature", llb.NewState(llb.NewSource("git://example.com/a/b.git", map[string]string{
			pb.AttrFullRemoteURL:                      url,
			pb.AttrAuthTokenSecret:                    llb.GitAuthTokenKey,
			pb.AttrAuthHeaderSecret:                   llb.GitAuthHeaderKey,
			pb.AttrGitSignatureVerifyPubKey:           "keys",
			pb.AttrGitSignatureVerifyRejectExpired:    "true",
			pb.AttrGitSignatureVerifyRequireSignedTag: "true",
			pb.AttrGitSignatureVerifyIgnoreSignedTag:  "true",
		}, llb.Constraints{}).Output())},
	}
}
