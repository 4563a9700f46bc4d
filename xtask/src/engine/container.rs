//! Containers that listen.

use super::docker::Engine;
use crate::Result;
use crate::command::read;
use crate::http;

/// A container with the network of this machine. In its texts, `{port}` is the port that it is to listen on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Container<'a> {
    pub(crate) image: &'a str,
    /// `NAME=VALUE` each.
    pub(crate) env: &'a [&'a str],
    /// What the image's entry point gets.
    pub(crate) arguments: &'a [&'a str],
}

impl Container<'_> {
    /// Starts it, asks it `GET path` and ends it.
    ///
    /// # Errors
    /// When it does not start, does not listen, or does not answer with 200.
    pub(crate) fn answer(&self, engine: &Engine, path: &str) -> Result<String> {
        const NAME: &str = "answers";
        let port = http::free_port()?;
        let with_port = |text: &&str| text.replace("{port}", &port.to_string());
        let mut run = engine.docker();
        run.args(["run", "--network=host", "--name", NAME]);
        run.args(self.env.iter().flat_map(|variable| ["--env".to_owned(), with_port(variable)]));
        run.arg(self.image).args(self.arguments.iter().map(with_port));
        let mut container = run.spawn()?;
        let answer = http::await_listener(port, &mut container).and_then(|()| http::get_from(port, path));
        // Not `kill`: it may listen before the engine says that it runs.
        read(engine.docker().args(["rm", "--force", NAME]))?;
        container.wait()?;
        answer
    }
}
