//! A thousand graphs that both sides make from numbers: `tests/go/random.go` does the same, line by line.

use cnb_llb::Copy;
use cnb_llb::Digest;
use cnb_llb::Exec;
use cnb_llb::FileOp;
use cnb_llb::Git;
use cnb_llb::Http;
use cnb_llb::Local;
use cnb_llb::MakeDir;
use cnb_llb::MakeFile;
use cnb_llb::Mount;
use cnb_llb::Network;
use cnb_llb::Owner;
use cnb_llb::Remove;
use cnb_llb::Secret;
use cnb_llb::Sharing;
use cnb_llb::State;
use cnb_llb::Symlink;
use cnb_llb::dump;

use crate::cases::alpine;
use crate::cases::amd64;
use crate::cases::created;
use crate::cases::image;
use crate::cases::scratch;

const GRAPHS: usize = 1000;

#[test]
fn random_graphs_are_those_of_the_go_client() {
    let recorded: Vec<&str> = include_str!("../golden/random.txt").lines().collect();
    assert_eq!(recorded.len(), GRAPHS);
    for (seed, recorded) in (0..).zip(recorded) {
        let definition = Builder::graph(seed).definition();
        let operations = definition.operations().map(|bytes| format!("{}\n", Digest::of(bytes)));
        let digest = Digest::of(operations.collect::<String>().as_bytes());
        assert_eq!(digest.as_str(), recorded, "seed {seed}\n{}", dump::text(&definition));
    }
}

/// A xorshift generator, small enough to be written twice.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) % limit
    }

    fn small(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit.into())).unwrap()
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 1
    }
}

/// A graph that grows from no files; every step adds states that later steps may use.
struct Builder {
    random: Random,
    states: Vec<State>,
}

impl Builder {
    fn graph(seed: u64) -> State {
        // The generator must not start at zero.
        let random = Random((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut builder = Self { random, states: vec![scratch()] };
        for _ in 0..=builder.random.below(12) {
            builder.step();
        }
        builder.states.pop().unwrap()
    }

    fn pick(&mut self) -> State {
        let index = usize::try_from(self.random.below(self.states.len() as u64)).unwrap();
        self.states[index].clone()
    }

    fn step(&mut self) {
        match self.random.below(8) {
            0 => {
                let source = self.source();
                self.states.push(source);
            }
            1 | 2 => self.exec(),
            3 | 4 => {
                let state = self.pick();
                let changed = state.file(self.actions());
                self.states.push(changed);
            }
            5 => {
                let inputs: Vec<State> = (0..2 + self.random.below(3)).map(|_| self.pick()).collect();
                self.states.push(State::merge(&inputs));
            }
            6 => {
                let (lower, upper) = (self.pick(), self.pick());
                self.states.push(upper.diff_from(&lower));
            }
            _ => {
                let state = alpine().file(MakeDir::new("/p", 0o755));
                let id = format!("id{}", self.random.below(3));
                let other = self.pick();
                self.states.push(state.requires(id, [&other]));
            }
        }
    }

    fn source(&mut self) -> State {
        let name = format!("n{}", self.random.below(4));
        let state = match self.random.below(4) {
            0 => {
                let image = image(&name);
                let image =
                    if self.random.flip() { image.layer_limit(1 + self.random.small(3)) } else { image };
                image.state()
            }
            1 => {
                let local = Local::new(name);
                let is_unique = self.random.flip();
                if is_unique { local.unique("unique").exclude(["*.o"]) } else { local.session("s") }.state()
            }
            2 => Http::new(format!("https://example.com/{name}")).chmod(0o600).state(),
            _ => Git::new(format!("https://example.com/{name}")).reference("main").state(),
        };
        state.with_platform(amd64())
    }

    fn exec(&mut self) {
        let state = self.pick();
        let mut exec = Exec::new(["run".to_owned(), self.random.below(5).to_string()]);
        for _ in 0..self.random.below(4) {
            let name = format!("V{}", self.random.below(3));
            exec = exec.env(name, self.random.below(3).to_string());
        }
        if self.random.flip() {
            exec = exec.cwd("/work");
        }
        exec = match self.random.below(3) {
            1 => exec.network(Network::Host),
            2 => exec.secret(Secret::file("id", "/secret")),
            _ => exec,
        };
        let mut outputs = Vec::new();
        for number in 0..self.random.below(4) {
            let dest = format!("/m{}{number}", self.random.below(5));
            let mount = match self.random.below(5) {
                0 => {
                    let modes = [Sharing::Shared, Sharing::Private, Sharing::Locked];
                    Mount::cache("id", &dest, modes[self.random.small(3) as usize])
                }
                1 => Mount::tmpfs(&dest).size(self.random.small(2).into()),
                2 => Mount::bind(&self.pick(), &dest).read_only().selector("/sub"),
                3 => Mount::bind(&self.pick(), &dest).no_output(),
                _ => {
                    outputs.push(dest.clone());
                    Mount::bind(&self.pick(), &dest)
                }
            };
            exec = exec.mount(mount);
        }
        let run = state.run(exec);
        self.states.push(run.root());
        self.states.extend(outputs.iter().map(|dest| run.output(dest).unwrap()));
    }

    fn actions(&mut self) -> FileOp {
        let count = self.random.below(3);
        let first = self.action();
        (0..count).fold(first, |op, _| op.then(self.action()))
    }

    fn action(&mut self) -> FileOp {
        let path = format!("/p{}", self.random.below(4));
        match self.random.below(6) {
            0 => MakeFile::new(&path, 0o644, path.as_str()).into(),
            1 => {
                let directory = MakeDir::new(path, 0o755).owner(Owner::named("user"));
                if self.random.flip() { directory.parents() } else { directory }.into()
            }
            2 => {
                let remove = Remove::new(path);
                if self.random.flip() { remove.wildcards() } else { remove }.into()
            }
            3 => Symlink::new(path, "/link").into(),
            4 => {
                let copy = Copy::new(self.pick(), path, "/dest/").created(created());
                copy.owner(Owner::ids(self.random.small(2), 0)).into()
            }
            _ => {
                let prepared = FileOp::new(Copy::new(self.pick(), &path, "/"));
                let prepared = prepared.then(MakeDir::new("/prepared", 0o755)).prepare(&self.pick());
                Copy::new(prepared, "/prepared", path).into()
            }
        }
    }
}
