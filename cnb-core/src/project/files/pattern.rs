//! Patterns of git in the notation of the matcher, which has alternatives in braces, no named classes and no
//! `\` in brackets.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// The pattern for the matcher; none if it has no closing bracket, or brackets with other characters than
/// ASCII, of which git compares single bytes.
pub(super) fn translate(pattern: &str) -> Option<String> {
    let line = if pattern.ends_with("\\ ") { pattern } else { pattern.trim_end() };
    let (negation, line) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest));
    if matches!(line, "" | "/") || pattern.starts_with('#') {
        return Some(pattern.to_owned());
    }
    // The matcher would also take a slash in brackets for one that anchors, so what git takes it for is said.
    let place = match line.strip_suffix('/').unwrap_or(line) {
        name if name.starts_with('/') => "",
        name if name.contains('/') => "/",
        _ => "**/",
    };
    let mut translated = format!("{negation}{place}");
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '[' => translated.push_str(&Class::read(&mut chars)?.write()),
            '{' | '}' => translated.extend(['\\', c]),
            '\\' => {
                translated.push(c);
                translated.extend(chars.next());
            }
            _ => translated.push(c),
        }
    }
    Some(translated)
}

/// Brackets and what is in them.
struct Class {
    is_negated: bool,
    bytes: BTreeSet<u8>,
}

impl Class {
    /// Reads what follows the opening bracket, as `wildmatch.c` of git does.
    fn read(chars: &mut Peekable<Chars<'_>>) -> Option<Self> {
        let is_negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
        let mut class = Self { is_negated, bytes: BTreeSet::new() };
        let mut previous = None;
        let mut c = chars.next()?;
        loop {
            previous = match (c, previous) {
                ('[', _) if chars.peek() == Some(&':') => {
                    class.add_named(chars)?;
                    None
                }
                ('-', Some(start)) if chars.peek().is_some_and(|c| *c != ']') => {
                    let first = chars.next()?;
                    class.bytes.extend(start..=literal(first, chars)?);
                    None
                }
                (c, _) => {
                    let byte = literal(c, chars)?;
                    class.bytes.insert(byte);
                    Some(byte)
                }
            };
            c = chars.next()?;
            if c == ']' {
                return Some(class);
            }
        }
    }

    /// Adds `:name:]`.
    fn add_named(&mut self, chars: &mut Peekable<Chars<'_>>) -> Option<()> {
        chars.next();
        let name: String = std::iter::from_fn(|| chars.next_if(|c| *c != ']')).collect();
        chars.next();
        let is_member: fn(&u8) -> bool = match name.strip_suffix(':')? {
            "alnum" => u8::is_ascii_alphanumeric,
            "alpha" => u8::is_ascii_alphabetic,
            "blank" => |b| matches!(b, b' ' | b'\t'),
            "cntrl" => u8::is_ascii_control,
            "digit" => u8::is_ascii_digit,
            "graph" => u8::is_ascii_graphic,
            "lower" => u8::is_ascii_lowercase,
            "print" => |b| matches!(b, b' '..=b'~'),
            "punct" => u8::is_ascii_punctuation,
            "space" => |b| matches!(b, b' ' | b'\t'..=b'\r'),
            "upper" => u8::is_ascii_uppercase,
            "xdigit" => u8::is_ascii_hexdigit,
            _ => return None,
        };
        self.bytes.extend((0..=127).filter(is_member));
        Some(())
    }

    /// A slash is matched by no class. No path has a NUL, which stands in front so that nothing after it is taken for a negation.
    fn write(mut self) -> String {
        if self.is_negated {
            self.bytes.insert(b'/');
        } else {
            self.bytes.remove(&b'/');
        }
        let closing = self.bytes.remove(&b']');
        let dash = self.bytes.remove(&b'-');
        let mut class = String::from(if self.is_negated { "[!" } else { "[" });
        class.push(if closing { ']' } else { '\0' });
        class.extend(self.bytes.iter().map(|byte| char::from(*byte)));
        class.push_str(if dash { "-]" } else { "]" });
        class
    }
}

/// A character of a class, which may have a `\` in front.
fn literal(c: char, chars: &mut Peekable<Chars<'_>>) -> Option<u8> {
    let c = if c == '\\' { chars.next()? } else { c };
    u8::try_from(c).ok().filter(u8::is_ascii)
}
