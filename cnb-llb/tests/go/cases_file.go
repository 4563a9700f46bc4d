package main

import (
	"github.com/moby/buildkit/client/llb"
)

func fileCases() []testCase {
	ids, names := llb.WithUIDGID(1000, 0), llb.WithUser("www-data:users")
	prepared := llb.Mkfile("/p", 0o644, []byte("p")).Copy(app, "/x", "/y").WithState(scratch)
	other := llb.Mkdir("/q", 0o755).WithState(alpine)
	nested := llb.Copy(prepared, "/p", "/n").WithState(alpine)
	return []testCase{
		{"mkfile", scratch.File(llb.Mkfile("/a", 0o644, []byte("x")))},
		{"mkfile-empty", alpine.File(llb.Mkfile("a/../b/", 0o7600, nil))},
		{"mkfile-large", scratch.File(llb.Mkfile("/a", 0o644, make([]byte, 17000)))},
		{"mkfile-ids", alpine.File(llb.Mkfile("/a", 0o644, []byte("x"), ids))},
		{"mkfile-names", alpine.File(llb.Mkfile("/a", 0o644, []byte("x"), names))},
		{"mkfile-user-only", alpine.File(llb.Mkfile("/a", 0o644, []byte("x"), llb.WithUser("root:")))},
		{"mkfile-names-on-scratch", scratch.File(llb.Mkfile("/a", 0o644, []byte("x"), names))},
		{"mkfile-created", scratch.File(llb.Mkfile("/a", 0o644, []byte("x"), created))},
		{"mkfile-created-1970", scratch.File(llb.Mkfile("/a", 0o644, []byte("x"), noTime))},
		{"mkdir", scratch.File(llb.Mkdir("/a", 0o755))},
		{"mkdir-parents", scratch.File(llb.Mkdir("/a/b", 0o700, llb.WithParents(true)))},
		{"mkdir-owner", alpine.File(llb.Mkdir("/a", 0o755, llb.WithUser("user:7")))},
		{"mkdir-created", scratch.File(llb.Mkdir("/a", 0o755, created))},
		{"rm", alpine.File(llb.Rm("/a"))},
		{"rm-missing", alpine.File(llb.Rm("/a", llb.WithAllowNotFound(true)))},
		{"rm-wildcards", alpine.File(llb.Rm("/a*", llb.WithAllowWildcard(true)))},
		{"symlink", alpine.File(llb.Symlink("../target", "/link"))},
		{"symlink-owner", alpine.File(llb.Symlink("t", "/link", ids))},
		{"symlink-created", alpine.File(llb.Symlink("t", "/link", created))},
		{"file-several", alpine.File(llb.Mkdir("/a", 0o755).Mkfile("/a/b", 0o644, []byte("x"), names).
			Symlink("b", "/a/c").Rm("/a/b").Copy(app, "/d", "/a/"))},
		{"file-inputs", scratch.File(llb.Copy(app, "/", "/").Copy(alpine, "/a", "/b").Copy(app, "/c", "/d").
			Copy(llb.Image("busybox"), "/e", "/f"))},
		{"file-of-its-own", alpine.File(llb.Copy(alpine, "/a", "/b"))},
		{"file-prepared", alpine.File(llb.Copy(prepared, "/p", "/r"))},
		{"file-prepared-shared", alpine.File(llb.Mkdir("/m", 0o755).Copy(prepared, "/p", "/1").Copy(other, "/q", "/2").
			Copy(prepared, "/p", "/3"))},
		{"file-prepared-nested", scratch.File(llb.Copy(nested, "/n", "/1").Copy(prepared, "/p", "/2"))},
		{"file-chain", scratch.File(llb.Mkdir("/a", 0o755)).File(llb.Mkdir("/a/b", 0o755))},
	}
}

func copyCases() []testCase {
	info := func(change func(*llb.CopyInfo)) llb.State {
		i := &llb.CopyInfo{}
		change(i)
		return alpine.File(llb.Copy(app, "/a", "/b", i))
	}
	return []testCase{
		{"copy", alpine.File(llb.Copy(app, "/a", "/b"))},
		{"copy-root", scratch.File(llb.Copy(app, "/", "/"))},
		{"copy-relative", scratch.File(llb.Copy(app, "a/./b/", "c/d/"))},
		{"copy-into-dot", scratch.File(llb.Copy(app, ".", "c/."))},
		{"copy-from-scratch", alpine.File(llb.Copy(scratch, "/a", "/b"))},
		{"copy-ids", alpine.File(llb.Copy(app, "/a", "/b", llb.WithUIDGID(0, 5)))},
		{"copy-names", scratch.File(llb.Copy(app, "/a", "/b", llb.WithUser("a:b")))},
		{"copy-created", alpine.File(llb.Copy(app, "/a", "/b", created))},
		{"copy-mode", alpine.File(llb.Copy(app, "/a", "/b", llb.ChmodOpt{Mode: 0o644}))},
		{"copy-mode-zero", alpine.File(llb.Copy(app, "/a", "/b", llb.ChmodOpt{Mode: 0}))},
		{"copy-symbolic-mode", alpine.File(llb.Copy(app, "/a", "/b", llb.ChmodOpt{ModeStr: "u+rwX,go-w"}))},
		{"copy-follow-symlinks", info(func(i *llb.CopyInfo) { i.FollowSymlinks = true })},
		{"copy-contents-only", info(func(i *llb.CopyInfo) { i.CopyDirContentsOnly = true })},
		{"copy-unpack", info(func(i *llb.CopyInfo) { i.AttemptUnpack = true })},
		{"copy-make-parents", info(func(i *llb.CopyInfo) { i.CreateDestPath = true })},
		{"copy-wildcards", info(func(i *llb.CopyInfo) { i.AllowWildcard = true })},
		{"copy-empty-wildcards", info(func(i *llb.CopyInfo) { i.AllowWildcard, i.AllowEmptyWildcard = true, true })},
		{"copy-include", info(func(i *llb.CopyInfo) { i.IncludePatterns = []string{"*.go", ""} })},
		{"copy-exclude", alpine.File(llb.Copy(app, "/a", "/b", llb.WithExcludePatterns([]string{"x", "!y"})))},
		{"copy-required-paths", info(func(i *llb.CopyInfo) {
			i.IncludePatterns, i.RequiredPaths = []string{"a", "b"}, []string{"a"}
		})},
		{"copy-replace-existing", info(func(i *llb.CopyInfo) { i.AlwaysReplaceExistingDestPaths = true })},
	}
}
