use std::net::IpAddr;

use cnb_llb::Exec;
use cnb_llb::LinuxResources;
use cnb_llb::Network;
use cnb_llb::ProxyEnv;
use cnb_llb::Secret;
use cnb_llb::Security;
use cnb_llb::Ssh;
use cnb_llb::State;
use cnb_llb::UlimitName;

use super::Case;
use super::alpine;
use super::arm;
use super::command;
use super::image;
use super::scratch;

fn run(exec: Exec) -> State {
    alpine().run(exec).root()
}

pub(super) fn cases() -> Vec<Case> {
    let ulimits = UlimitName::ALL.into_iter().zip(0..);
    let ulimits = ulimits.fold(command(), |exec, (name, soft)| exec.ulimit(name, soft, -1));
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let proxy = ProxyEnv::new().with_http("http://h").with_https("http://s").with_ftp("http://f");
    let proxy = proxy.with_exceptions("n").with_all("http://a");
    let resources = LinuxResources::new().with_memory(1).with_memory_swap(2).with_cpu_shares(3);
    let resources = resources.with_cpu_quota(5, 4).with_cpuset("0-3", "0,1");
    vec![
        ("exec", run(command())),
        ("exec-arguments", run(Exec::shell("echo \"$A\" > /b; é"))),
        ("exec-chain", run(command()).run(Exec::new(["false"])).root()),
        ("exec-env", run(command().env("A", "1").envs([("B", ""), ("A", "2=3")]))),
        ("exec-cwd", run(command().cwd("/src"))),
        ("exec-user", run(command().user("1000:users"))),
        ("exec-hostname", run(command().hostname("host"))),
        ("exec-hosts", run(command().host("a", address("10.0.0.1")).host("b", address("fe80::1")))),
        ("exec-ulimits", run(ulimits)),
        ("exec-cgroup-parent", run(command().cgroup_parent("group"))),
        ("exec-valid-exit-codes", run(command().valid_exit_codes([0, 3, 255]))),
        ("exec-network-host", run(command().network(Network::Host))),
        ("exec-network-none", run(command().network(Network::None))),
        ("exec-insecure", run(command().security(Security::Insecure))),
        ("exec-proxy", run(command().proxy(proxy))),
        ("exec-devices", run(command().device("vendor.com/gpu=0").optional_device("vendor.com/gpu=1"))),
        ("exec-resources", run(command().resources(resources))),
        ("exec-platform", run(command().platform(arm()))),
        ("exec-platform-of-root", image("alpine").platform(arm()).state().run(command()).root()),
        ("exec-on-scratch", scratch().run(command()).root()),
    ]
    .into_iter()
    .chain(lent_cases())
    .collect()
}

fn lent_cases() -> Vec<Case> {
    let options = Secret::file("id", "/s").owner(1, 2).mode(0o440).optional();
    let both = Secret::file("id", "/s").and_variable("A").optional();
    let agent = Ssh::agent().id("id").path("/agent").owner(1, 2).mode(0o660).optional();
    vec![
        ("exec-secret-file", run(command().secret(Secret::file("/run/secrets/a", "/run/secrets/a")))),
        ("exec-secret-options", run(command().secret(options))),
        ("exec-secret-variable", run(command().secret(Secret::variable("id", "A")))),
        ("exec-secret-both", run(command().secret(both))),
        ("exec-ssh", run(command().ssh(Ssh::agent()))),
        ("exec-ssh-options", run(command().ssh(agent))),
        ("exec-ssh-several", run(command().ssh(Ssh::agent().id("a")).ssh(Ssh::agent().id("b")))),
        ("exec-ssh-variable", run(command().env("SSH_AUTH_SOCK", "/mine").ssh(Ssh::agent()))),
    ]
}
