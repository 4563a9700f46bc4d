package main

import (
	"net"

	"github.com/moby/buildkit/client/llb"
)

func run(opts ...llb.RunOption) llb.State {
	return alpine.Run(append([]llb.RunOption{llb.Args([]string{"true"})}, opts...)...).Root()
}

func execCases() []testCase {
	ulimits := []llb.RunOption{}
	for i, name := range []llb.UlimitName{
		llb.UlimitCore, llb.UlimitCPU, llb.UlimitData, llb.UlimitFsize, llb.UlimitLocks, llb.UlimitMemlock,
		llb.UlimitMsgqueue, llb.UlimitNice, llb.UlimitNofile, llb.UlimitNproc, llb.UlimitRss, llb.UlimitRtprio,
		llb.UlimitRttime, llb.UlimitSigpending, llb.UlimitStack,
	} {
		ulimits = append(ulimits, llb.AddUlimit(name, int64(i), -1))
	}
	with := func(o llb.StateOption) llb.State { return run(llb.With(o)) }
	return []testCase{
		{"exec", run()},
		{"exec-arguments", alpine.Run(llb.Args([]string{"/bin/sh", "-c", "echo \"$A\" > /b; é"})).Root()},
		{"exec-chain", run().Run(llb.Args([]string{"false"})).Root()},
		{"exec-env", alpine.AddEnv("A", "1").AddEnv("B", "").AddEnv("A", "2=3").Run(llb.Args([]string{"true"})).Root()},
		{"exec-cwd", with(llb.Dir("/src"))},
		{"exec-user", with(llb.User("1000:users"))},
		{"exec-hostname", with(llb.Hostname("host"))},
		{"exec-hosts", run(llb.AddExtraHost("a", net.ParseIP("10.0.0.1")), llb.AddExtraHost("b", net.ParseIP("fe80::1")))},
		{"exec-ulimits", run(ulimits...)},
		{"exec-cgroup-parent", run(llb.WithCgroupParent("group"))},
		{"exec-valid-exit-codes", run(llb.ValidExitCodes(0, 3, 255))},
		{"exec-network-host", with(llb.Network(llb.NetModeHost))},
		{"exec-network-none", with(llb.Network(llb.NetModeNone))},
		{"exec-insecure", with(llb.Security(llb.SecurityModeInsecure))},
		{"exec-proxy", run(llb.WithProxy(llb.ProxyEnv{
			HTTPProxy: "http://h", HTTPSProxy: "http://s", FTPProxy: "http://f", NoProxy: "n", AllProxy: "http://a",
		}))},
		{"exec-devices", run(llb.AddCDIDevice(llb.CDIDeviceName("vendor.com/gpu=0")),
			llb.AddCDIDevice(llb.CDIDeviceName("vendor.com/gpu=1"), llb.CDIDeviceOptional))},
		{"exec-resources", run(llb.WithLinuxResources(llb.LinuxResources{
			Memory: 1, MemorySwap: 2, CPUShares: 3, CPUPeriod: 4, CPUQuota: 5, CpusetCpus: "0-3", CpusetMems: "0,1",
		}))},
		{"exec-platform", run(armV7)},
		{"exec-platform-of-root", llb.Image("alpine", armV7).Run(llb.Args([]string{"true"})).Root()},
		{"exec-on-scratch", scratch.Run(llb.Args([]string{"true"})).Root()},
		{"exec-secret-file", run(llb.AddSecret("/run/secrets/a"))},
		{"exec-secret-options", run(llb.AddSecret("/s", llb.SecretID("id"), llb.SecretFileOpt(1, 2, 0o440), llb.SecretOptional))},
		{"exec-secret-variable", run(llb.AddSecret("A", llb.SecretID("id"), llb.SecretAsEnv(true)))},
		{"exec-secret-both", run(llb.AddSecret("/s", llb.SecretID("id"), llb.SecretAsEnvName("A"), llb.SecretOptional))},
		{"exec-ssh", run(llb.AddSSHSocket())},
		{"exec-ssh-options", run(llb.AddSSHSocket(llb.SSHID("id"), llb.SSHSocketOpt("/agent", 1, 2, 0o660), llb.SSHOptional))},
		{"exec-ssh-several", run(llb.AddSSHSocket(llb.SSHID("a")), llb.AddSSHSocket(llb.SSHID("b")))},
		{"exec-ssh-variable", alpine.AddEnv("SSH_AUTH_SOCK", "/mine").Run(llb.Args([]string{"true"}), llb.AddSSHSocket()).Root()},
	}
}

func mountCases() []testCase {
	mount := func(dest string, state llb.State, opts ...llb.MountOption) llb.State {
		return run(llb.AddMount(dest, state, opts...))
	}
	cache := func(mode llb.CacheMountSharingMode) llb.State {
		return mount("/cache", scratch, llb.AsPersistentCacheDir("id", mode))
	}
	outputs := alpine.Run(llb.Args([]string{"true"}), llb.AddMount("/z", scratch), llb.AddMount("/a", app),
		llb.AddMount("/cache", scratch, llb.AsPersistentCacheDir("id", llb.CacheMountLocked)),
		llb.AddMount("/b", app, llb.Readonly), llb.AddMount("/c", scratch))
	reader := alpine.Run(llb.Args([]string{"true"}), llb.ReadonlyRootFS(), llb.AddMount("/out", scratch))
	platform := alpine.Run(llb.Args([]string{"true"}), armV7, llb.AddMount("/out", scratch)).GetMount("/out")
	twice := alpine.Run(llb.Args([]string{"true"}), llb.AddMount("/a", app, llb.Readonly), llb.AddMount("/b", app, llb.Readonly),
		llb.AddMount("/c", alpine, llb.Readonly)).Root()
	return []testCase{
		{"mount-bind", mount("/src", app)},
		{"mount-scratch", mount("/out", scratch)},
		{"mount-read-only", mount("/src", app, llb.Readonly)},
		{"mount-selector", mount("/src", app, llb.Readonly, llb.SourcePath("/sub"))},
		{"mount-no-output", mount("/src", app, llb.ForceNoOutput)},
		{"mount-content-cache-on", mount("/src", app, llb.ContentCache(llb.MountContentCacheOn))},
		{"mount-content-cache-off", mount("/src", app, llb.ContentCache(llb.MountContentCacheOff))},
		{"mount-cache-shared", cache(llb.CacheMountShared)},
		{"mount-cache-private", cache(llb.CacheMountPrivate)},
		{"mount-cache-locked", cache(llb.CacheMountLocked)},
		{"mount-cache-initial", mount("/cache", app, llb.AsPersistentCacheDir("id", llb.CacheMountShared), llb.SourcePath("/sub"))},
		{"mount-tmpfs", mount("/tmp", scratch, llb.Tmpfs())},
		{"mount-tmpfs-size", mount("/tmp", scratch, llb.Tmpfs(llb.TmpfsSize(1<<20)))},
		{"mount-same-input", twice},
		{"mount-read-only-root", reader.GetMount("/out")},
		{"mount-outputs", llb.Merge([]llb.State{
			outputs.GetMount("/z"), outputs.GetMount("/a"), outputs.GetMount("/b"), outputs.GetMount("/c"), outputs.Root(),
		})},
		{"mount-output-run", outputs.GetMount("/a").Run(llb.Args([]string{"true"})).Root()},
		{"mount-output-platform", platform.Run(llb.Args([]string{"true"})).Root()},
	}
}
