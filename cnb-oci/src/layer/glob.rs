//! Patterns of Go's `filepath.Match`, on bytes.
//!
//! `*` and `?` do not match `/`; there is no `**`; `[a-z]` and `[^a-z]` are classes of characters and do
//! match `/`; `\` takes the next byte as it is. Source: `path/filepath/match.go` of Go 1.26.

/// A pattern that `filepath.Match` refuses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{pattern}` is no valid pattern: a `[` is not closed, a range is not complete or `\\` is at the end"
)]
pub struct BadPattern {
    /// The pattern.
    pub pattern: String,
}

/// Whether `pattern` matches all of `name`.
///
/// As in Go, a pattern is refused only where matching gets to the bad part of it.
pub(super) fn matches(pattern: &str, name: &[u8]) -> Result<bool, BadPattern> {
    match_all(pattern.as_bytes(), name).ok_or_else(|| BadPattern { pattern: pattern.to_owned() })
}

/// `None` when the pattern is bad.
fn match_all(mut pattern: &[u8], mut name: &[u8]) -> Option<bool> {
    'pattern: while !pattern.is_empty() {
        let (star, chunk, rest) = next_chunk(pattern);
        pattern = rest;
        if star && chunk.is_empty() {
            return Some(!name.contains(&b'/'));
        }
        if let Some(after) = match_chunk(chunk, name)?
            && (after.is_empty() || !pattern.is_empty())
        {
            name = after;
            continue;
        }
        if star {
            let segment = name.iter().position(|byte| *byte == b'/').unwrap_or(name.len());
            for skipped in 1..=segment {
                if let Some(after) = match_chunk(chunk, &name[skipped..])? {
                    if pattern.is_empty() && !after.is_empty() {
                        continue;
                    }
                    name = after;
                    continue 'pattern;
                }
            }
        }
        return Some(false);
    }
    Some(name.is_empty())
}

/// Whether stars come first, what comes up to the next star, and the rest.
fn next_chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    let pattern = &pattern[stars..];
    let mut in_class = false;
    let mut index = 0;
    while index < pattern.len() {
        match pattern[index] {
            b'\\' => index += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        index += 1;
    }
    let (chunk, rest) = pattern.split_at(index.min(pattern.len()));
    (stars > 0, chunk, rest)
}

/// What is left of `name` after a chunk that has no star, `Some(None)` when it does not match, `None` when
/// the chunk is bad. The chunk is checked to its end even where the name does not match.
#[expect(clippy::option_option, reason = "the outer one stops with `?`, the inner one is the answer")]
fn match_chunk<'n>(mut chunk: &[u8], mut name: &'n [u8]) -> Option<Option<&'n [u8]>> {
    let mut failed = false;
    while let Some((first, after)) = chunk.split_first() {
        failed |= name.is_empty();
        chunk = after;
        match first {
            b'[' => {
                let (character, width) = if failed { (0, 0) } else { decode(name) };
                name = &name[width..];
                let (matched, after) = match_class(chunk, character)?;
                chunk = after;
                failed |= !matched;
            }
            b'?' if !failed => {
                failed = name[0] == b'/';
                name = &name[decode(name).1..];
            }
            b'?' => {}
            literal => {
                let mut literal = literal;
                if *literal == b'\\' {
                    (literal, chunk) = chunk.split_first()?;
                }
                if !failed {
                    failed = *literal != name[0];
                    name = &name[1..];
                }
            }
        }
    }
    Some((!failed).then_some(name))
}

/// Whether the class that starts after `[` has the character, and what follows the class.
fn match_class(mut class: &[u8], character: u32) -> Option<(bool, &[u8])> {
    let negated = class.first() == Some(&b'^');
    if negated {
        class = &class[1..];
    }
    let mut matched = false;
    let mut ranges = 0;
    loop {
        if class.first() == Some(&b']') && ranges > 0 {
            return Some((matched != negated, &class[1..]));
        }
        let (low, after) = class_character(class)?;
        class = after;
        let mut high = low;
        if class[0] == b'-' {
            (high, class) = class_character(&class[1..])?;
        }
        matched |= (low..=high).contains(&character);
        ranges += 1;
    }
}

/// One character of a class, which may be escaped; never the last byte of a pattern.
fn class_character(class: &[u8]) -> Option<(u32, &[u8])> {
    let class = match class.first()? {
        b'-' | b']' => return None,
        b'\\' => &class[1..],
        _ => class,
    };
    if class.is_empty() {
        return None;
    }
    let (character, width) = decode(class);
    let rest = &class[width..];
    let invalid = character == u32::from(char::REPLACEMENT_CHARACTER) && width == 1;
    (!invalid && !rest.is_empty()).then_some((character, rest))
}

/// The first character and its bytes; U+FFFD and 1 where there is none.
fn decode(bytes: &[u8]) -> (u32, usize) {
    let start = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).expect("the error says it is valid"),
    };
    let first = valid.chars().next();
    first.map_or((u32::from(char::REPLACEMENT_CHARACTER), 1), |first| (first.into(), first.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of Go 1.26.
    #[test]
    fn patterns_match_as_in_go() {
        let cases: &[(&str, &[u8], Option<bool>)] = &[
            ("abc", b"abc", Some(true)),
            ("*", b"abc", Some(true)),
            ("*c", b"abc", Some(true)),
            ("a*", b"a", Some(true)),
            ("a*", b"ab/c", Some(false)),
            ("a*/b", b"abc/b", Some(true)),
            ("a*/b", b"a/c/b", Some(false)),
            ("a*b*c*d*e*/f", b"axbxcxdxe/f", Some(true)),
            ("a*b?c*x", b"abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", b"abxbbxdbxebxczzy", Some(false)),
            ("ab[c]", b"abc", Some(true)),
            ("ab[b-d]", b"abc", Some(true)),
            ("ab[^c]", b"abc", Some(false)),
            ("ab[^e-g]", b"abc", Some(true)),
            ("a\\*b", b"a*b", Some(true)),
            ("a\\*b", b"ab", Some(false)),
            ("a?b", "a☺b".as_bytes(), Some(true)),
            ("a[^a]b", "a☺b".as_bytes(), Some(true)),
            ("a???b", "a☺b".as_bytes(), Some(false)),
            ("[a-ζ]*", "α".as_bytes(), Some(true)),
            ("*[a-ζ]", b"A", Some(false)),
            ("a?b", b"a/b", Some(false)),
            ("a[/]b", b"a/b", Some(true)),
            ("[\\]a]", b"]", Some(true)),
            ("[\\-x]", b"-", Some(true)),
            ("[]a]", b"]", None),
            ("[-]", b"-", None),
            ("[x-]", b"x", None),
            ("[a-b-c]", b"a", None),
            ("[", b"a", None),
            ("[^bc", b"a", None),
            ("a[", b"a", None),
            ("a[", b"x", None),
            ("a\\", b"a", None),
            ("*x", b"xxx", Some(true)),
            ("**", b"a/b", Some(false)),
            ("?", b"\xff", Some(true)),
            ("a*é", b"a\xff\xc3\xa9", Some(true)),
            ("", b"", Some(true)),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name).ok(), *expected, "{pattern} {}", name.escape_ascii());
        }
    }
}
