//! Flags: which there are, who takes them since when, and how Go's package `flag` reads them.
//!
//! Source: `cmd/lifecycle/*.go`, `cmd/lifecycle/cli/flags.go`, `platform/defaults.go` of the Go lifecycle.

use cnb_core::api::PlatformApi;

use super::Stop;
use super::failure::code;
use super::inputs::Inputs;
use super::name::Phase;
use super::usage;

mod table;

pub(super) use table::FLAGS;

/// A flag, and the environment variable and the default behind it.
pub(super) struct Flag {
    pub(super) name: &'static str,
    /// The variable that is used without the flag.
    pub(super) environment: Option<&'static str>,
    /// The value without flag and variable.
    pub(super) default: &'static str,
    pub(super) help: &'static str,
    /// Who takes it.
    takers: &'static [Taker],
    /// Where its value goes.
    field: Field,
}

/// A phase that takes a flag from one version of the Platform API to another, both included.
pub(super) struct Taker {
    phase: Phase,
    first: u32,
    last: u32,
}

/// Where the value of a flag goes.
pub(super) enum Field {
    Text(fn(&mut Inputs) -> &mut String),
    Number(fn(&mut Inputs) -> &mut u32),
    Switch(fn(&mut Inputs) -> &mut bool),
    List(fn(&mut Inputs) -> &mut Vec<String>),
}

impl Flag {
    /// Whether the phase takes the flag.
    pub(super) fn is_taken_by(&self, phase: Phase, api: PlatformApi) -> bool {
        self.takers.iter().any(|taker| {
            taker.phase == phase
                && (PlatformApi::v0(taker.first)..=PlatformApi::v0(taker.last)).contains(&api)
        })
    }

    /// What the usage calls its value; nothing for a switch.
    pub(super) fn value_name(&self) -> &'static str {
        match self.field {
            Field::Text(_) if self.name == "kaniko-cache-ttl" => "duration",
            Field::Text(_) => "string",
            Field::Number(_) => "int",
            Field::Switch(_) => "",
            Field::List(_) => "value",
        }
    }

    /// The value as the usage shows it; nothing for a zero value.
    pub(super) fn shown_default(&self, inputs: &Inputs) -> String {
        let mut inputs = inputs.clone();
        match self.field {
            Field::Text(field) if field(&mut inputs).is_empty() => String::new(),
            Field::Text(field) if self.value_name() == "duration" => {
                format!(" (default {})", field(&mut inputs))
            }
            Field::Text(field) => format!(" (default {:?})", field(&mut inputs)),
            Field::Number(field) if *field(&mut inputs) == 0 => String::new(),
            Field::Number(field) => format!(" (default {})", field(&mut inputs)),
            Field::Switch(field) => if *field(&mut inputs) { " (default true)" } else { "" }.to_owned(),
            Field::List(field) if field(&mut inputs).is_empty() => String::new(),
            Field::List(field) => format!(" (default {:?})", field(&mut inputs)),
        }
    }

    /// Takes the value of the environment variable, else the default. As in Go a number or a truth value that
    /// cannot be read counts as 0 or false.
    pub(super) fn set_default(&self, inputs: &mut Inputs, variable: Option<&str>) {
        match self.field {
            Field::Text(field) => variable.unwrap_or(self.default).clone_into(field(inputs)),
            Field::Number(field) => *field(inputs) = variable.and_then(|v| v.parse().ok()).unwrap_or(0),
            Field::Switch(field) => *field(inputs) |= variable.and_then(truth).unwrap_or(false),
            Field::List(field) => {
                field(inputs).extend(variable.iter().flat_map(|list| list.split(',')).map(str::to_owned));
            }
        }
    }

    fn set(&self, inputs: &mut Inputs, value: &str) -> Result<(), String> {
        let parse_error = || format!("invalid value {value:?} for flag -{}: parse error", self.name);
        match self.field {
            Field::Text(field) => value.clone_into(field(inputs)),
            Field::Number(field) => *field(inputs) = number(value).ok_or_else(parse_error)?,
            Field::Switch(field) => {
                let message = || format!("invalid boolean value {value:?} for -{}: parse error", self.name);
                *field(inputs) = truth(value).ok_or_else(message)?;
            }
            Field::List(field) => field(inputs).push(value.to_owned()),
        }
        Ok(())
    }

    const fn is_switch(&self) -> bool {
        matches!(self.field, Field::Switch(_))
    }
}

/// Reads flags up to the first argument that is none, or up to `--`, and returns what follows.
pub(super) fn parse(
    phase: Phase,
    api: PlatformApi,
    inputs: &mut Inputs,
    arguments: &[String],
) -> Result<Vec<String>, Stop> {
    let bad = |inputs: &Inputs, message: &str| Stop::Usage {
        text: format!("{message}\n{}", usage::text(phase, api, inputs)),
        code: code::BAD_FLAG,
    };
    let mut version = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.as_slice().first() {
        let Some((name, mut value)) = flag_of(argument) else { break };
        rest.next();
        if name.is_empty() {
            break;
        }
        if name.starts_with(['-', '=']) {
            return Err(bad(inputs, &format!("bad flag syntax: {argument}")));
        }
        if name == "version" {
            let value = value.unwrap_or("true");
            let message = format!("invalid boolean value {value:?} for -version: parse error");
            version = truth(value).ok_or_else(|| bad(inputs, &message))?;
            continue;
        }
        let Some(flag) = FLAGS.iter().find(|flag| flag.name == name && flag.is_taken_by(phase, api)) else {
            if matches!(name, "h" | "help") {
                return Err(Stop::Usage { text: usage::text(phase, api, inputs), code: 0 });
            }
            return Err(bad(inputs, &format!("flag provided but not defined: -{name}")));
        };
        if value.is_none() {
            value = if flag.is_switch() { Some("true") } else { rest.next().map(String::as_str) };
        }
        let Some(value) = value else {
            return Err(bad(inputs, &format!("flag needs an argument: -{name}")));
        };
        flag.set(inputs, value).map_err(|message| bad(inputs, &message))?;
    }
    if version { Err(Stop::Version) } else { Ok(rest.as_slice().to_vec()) }
}

/// The name behind one or two dashes and the value behind `=`; an empty name for `--`, nothing if it is no flag.
fn flag_of(argument: &str) -> Option<(&str, Option<&str>)> {
    if argument.len() < 2 {
        return None;
    }
    let rest = argument.strip_prefix('-')?;
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    Some(match rest.split_once('=') {
        Some((name, value)) if !name.is_empty() => (name, Some(value)),
        _ => (rest, None),
    })
}

/// `strconv.ParseInt` of Go with base 0, for numbers that are not negative: `0x`, `0o`, `0b` and `0` begin numbers of other
/// bases, and `_` may stand between digits and behind these.
fn number(text: &str) -> Option<u32> {
    let text = text.strip_prefix('+').unwrap_or(text).to_ascii_lowercase();
    let bases = [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)];
    let prefixed = bases.into_iter().find_map(|(prefix, base)| Some((base, text.strip_prefix(prefix)?)));
    let (base, digits) = match prefixed {
        Some((_, "")) if text == "0" => return Some(0),
        Some((base, digits)) => (base, digits.strip_prefix('_').unwrap_or(digits)),
        None => (10, text.as_str()),
    };
    let are_apart =
        digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit()));
    if are_apart { u32::from_str_radix(&digits.replace('_', ""), base).ok() } else { None }
}

/// `strconv.ParseBool` of Go.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(phase: Phase, api: u32, arguments: &[&str]) -> Result<(Inputs, Vec<String>), String> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut inputs = Inputs::default();
        match super::parse(phase, PlatformApi::v0(api), &mut inputs, &arguments) {
            Ok(rest) => Ok((inputs, rest)),
            Err(Stop::Version) => Err("version".to_owned()),
            Err(Stop::Usage { text, code }) => {
                Err(format!("{code} {}", text.lines().next().expect("a line")))
            }
            Err(_) => Err("another stop".to_owned()),
        }
    }

    #[test]
    fn flags_have_the_syntax_of_go() {
        let arguments = [
            "-layers=/l",
            "--app",
            "/a=b",
            "-daemon",
            "-skip-layers=F",
            "-tag",
            "x",
            "--tag=y",
            "-uid",
            "7",
            "i",
            "-gid",
        ];
        let (inputs, rest) = parse(Phase::Analyze, 15, &arguments[..1]).expect("flags");
        assert_eq!((inputs.layers_dir.as_str(), rest.len()), ("/l", 0));
        let without_app: Vec<&str> =
            arguments.iter().copied().filter(|a| !a.contains("a=b") && *a != "--app").collect();
        let (inputs, rest) = parse(Phase::Analyze, 15, &without_app).expect("flags");
        assert!(inputs.use_daemon && !inputs.skip_layers);
        assert_eq!((inputs.tags, inputs.uid), (vec!["x".to_owned(), "y".to_owned()], 7));
        assert_eq!(rest, ["i", "-gid"]);
        let (inputs, _) = parse(Phase::Detect, 15, &arguments[..3]).expect("flags");
        assert_eq!(inputs.app_dir, "/a=b");
        assert_eq!(parse(Phase::Detect, 15, &["--", "-x"]).expect("flags").1, ["-x"]);
        assert_eq!(parse(Phase::Detect, 15, &["-", "-x"]).expect("flags").1, ["-", "-x"]);
    }

    #[test]
    fn bad_flags_are_explained() {
        let table: [(&[&str], &str); 10] = [
            (&["-nosuchflag"], "2 flag provided but not defined: -nosuchflag"),
            (&["-layers"], "2 flag needs an argument: -layers"),
            (&["-uid", "abc"], "2 invalid value \"abc\" for flag -uid: parse error"),
            (&["-daemon=x"], "2 invalid boolean value \"x\" for -daemon: parse error"),
            (&["---x"], "2 bad flag syntax: ---x"),
            (&["--=x"], "2 bad flag syntax: --=x"),
            (&["-h"], "0 Usage of lifecycle:"),
            (&["-version", "-layers", "/l"], "version"),
            (&["-version=x"], "2 invalid boolean value \"x\" for -version: parse error"),
            (&["-app", "/x"], "2 flag provided but not defined: -app"),
        ];
        for (arguments, expected) in table {
            assert_eq!(parse(Phase::Analyze, 15, arguments).expect_err(expected), expected);
        }
    }

    #[test]
    fn numbers_are_those_of_go() {
        let table = [
            ("0", Some(0)),
            ("+7", Some(7)),
            ("0x3E9", Some(1001)),
            ("0o1751", Some(1001)),
            ("01751", Some(1001)),
            ("0b1_1", Some(3)),
            ("0x_f", Some(15)),
            ("1_001", Some(1001)),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("0x", None),
            ("09", None),
            ("1.0", None),
            ("-1", None),
            ("++1", None),
            ("", None),
            ("4294967296", None),
        ];
        for (text, expected) in table {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn flags_come_and_go_with_the_platform_api() {
        let table = [
            (Phase::Analyze, "launch-cache", 9, 15),
            (Phase::Analyze, "stack", 7, 11),
            (Phase::Build, "analyzed", 12, 15),
            (Phase::Detect, "analyzed", 10, 15),
            (Phase::Detect, "build-config", 11, 15),
            (Phase::Detect, "system", 15, 15),
            (Phase::Export, "insecure-registry", 13, 15),
            (Phase::Export, "launcher-sbom", 11, 15),
            (Phase::Export, "stack", 7, 11),
            (Phase::Restore, "build-image", 10, 15),
            (Phase::Restore, "run", 14, 15),
            (Phase::Rebase, "force", 12, 15),
            (Phase::Create, "stack", 7, 15),
        ];
        for (phase, name, first, last) in table {
            for api in 7..=15 {
                let flag = FLAGS
                    .iter()
                    .find(|flag| flag.name == name && flag.takers.iter().any(|t| t.phase == phase));
                let taken = flag.is_some_and(|flag| flag.is_taken_by(phase, PlatformApi::v0(api)));
                assert_eq!(taken, (first..=last).contains(&api), "{phase:?} -{name} at 0.{api}");
            }
        }
        assert!(!FLAGS.iter().any(|f| f.name == "tag" && f.is_taken_by(Phase::Export, PlatformApi::v0(7))));
    }
}
