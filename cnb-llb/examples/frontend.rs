//! A frontend: `docker build` with it takes a file of lines `PATH TEXT` and makes an image of such files.
//!
//! Its image is this program, static, as the entrypoint of an otherwise empty image.
#![allow(clippy::disallowed_methods, reason = "a program reads its environment")]

use cnb_llb::Local;
use cnb_llb::MakeFile;
use cnb_llb::State;
use cnb_llb::Warning;
use cnb_llb::errdefs::BuildError;
use cnb_llb::errdefs::Code;
use cnb_llb::errdefs::Source;
use cnb_llb::gateway;
use cnb_llb::gateway::Environment;
use cnb_llb::gateway::Gateway;
use cnb_llb::gateway::Options;
use cnb_llb::gateway::Output;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    gateway::run(Environment::read(std::env::vars())?, build).await?;
    Ok(())
}

async fn build(gateway: Gateway) -> Result<Output, BuildError> {
    let invalid = |message: String| BuildError::new(Code::InvalidArgument, message);
    let options =
        Options::read(&gateway.environment().options).map_err(|error| invalid(error.to_string()))?;
    let filename = options.filename.unwrap_or_else(|| "files.txt".to_owned());
    // Without the session, builds of others at the same time would be taken for this one.
    let local = Local::new(gateway::DESCRIPTOR_DIRECTORY).session(&gateway.environment().session_id).state();
    let directory =
        gateway.solve_graph(&local.definition()).await?.ok_or_else(|| invalid("no files".to_owned()))?;
    let text = String::from_utf8_lossy(&directory.read_file(&filename).await?).into_owned();
    let mut files = State::scratch();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
        let source = Source::lines(&filename, text.as_str(), number, number);
        let Some((path, content)) = line.split_once(' ') else {
            return Err(invalid(format!("`{line}` is not a path and a text")).with_source(source));
        };
        if !path.starts_with('/') {
            let short = format!("`{path}` is taken from the root");
            gateway.warn(Warning { short, level: 1, source: Some(source), ..Warning::default() }).await?;
        }
        files = files.file(MakeFile::new(format!("/{}", path.trim_start_matches('/')), 0o644, content));
    }
    let config = r#"{"architecture":"amd64","os":"linux","config":{"Labels":{"made-by":"example"}}}"#;
    Ok(Output::new(gateway.solve_graph(&files.definition()).await?).with_config(config))
}
