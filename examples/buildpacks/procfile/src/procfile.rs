//! The format: a line `type: command` for each process type; empty lines and `#` comments are left out.

use libcnb::data::launch::Process;
use libcnb::data::launch::ProcessBuilder;
use libcnb::data::launch::ProcessType;

/// The process type that starts when nobody asks for another.
const DEFAULT: &str = "web";

/// Which line is wrong.
#[derive(Debug, thiserror::Error, Eq, PartialEq)]
pub enum Error {
    #[error("Procfile:{line}: expected `type: command`")]
    Form { line: usize },
    #[error("Procfile:{line}: `{name}` cannot be the name of a process type")]
    Name { line: usize, name: String },
}

/// Reads a Procfile. Commands run in a shell, so that variables such as `$PORT` are theirs to use.
pub fn processes(content: &str) -> Result<Vec<Process>, Error> {
    let lines = content.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(process).collect()
}

fn process((line, text): (usize, &str)) -> Result<Process, Error> {
    let (name, command) = text.split_once(':').ok_or(Error::Form { line })?;
    let (name, command) = (name.trim_end(), command.trim_start());
    if command.is_empty() {
        return Err(Error::Form { line });
    }
    let r#type: ProcessType = name.parse().map_err(|_| Error::Name { line, name: name.to_owned() })?;
    Ok(ProcessBuilder::new(r#type, ["bash", "-c"]).arg(command).default(name == DEFAULT).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_process_type() {
        let processes = processes("# comment\n\nweb: serve --port $PORT\r\nworker :  work").unwrap();
        let read: Vec<_> = processes
            .iter()
            .map(|process| (process.r#type.as_str(), process.args.join(" "), process.default))
            .collect();
        assert_eq!(
            read,
            [("web", "serve --port $PORT".to_owned(), true), ("worker", "work".to_owned(), false)]
        );
        assert!(processes.iter().all(|process| process.command == ["bash", "-c"]));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (content, error) in [
            ("web serve", "Procfile:1: expected `type: command`"),
            ("a: b\nweb:", "Procfile:2: expected `type: command`"),
            ("we b: c", "Procfile:1: `we b` cannot be the name of a process type"),
        ] {
            assert_eq!(processes(content).unwrap_err().to_string(), error);
        }
    }
}
