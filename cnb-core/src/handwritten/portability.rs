//! Syntax of TOML 1.1, which tools that read TOML 1.0 refuse.

use toml_parser::Source;
use toml_parser::Span;
use toml_parser::decoder::Encoding;
use toml_parser::parser::Event;
use toml_parser::parser::EventKind;
use toml_parser::parser::parse_document;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::SourceFile;

/// A warning for each use of it. The text must be valid.
pub(super) fn check(source: &SourceFile) -> Vec<Diagnostic> {
    let tokens = Source::new(source.text()).lex().into_vec();
    let mut finder = Finder { text: source.text(), open: Vec::new(), comma: None, found: Vec::new() };
    parse_document(&tokens, &mut |event: Event| finder.event(event), &mut ());
    let diagnostic =
        |(span, what): (Span, &str)| {
            Diagnostic::warning("toml-1.1", format!("{what} needs TOML 1.1, which other tools may not read"))
                .at(source, span.start()..span.end(), "")
        };
    finder.found.into_iter().map(diagnostic).collect()
}

struct Finder<'t> {
    text: &'t str,
    open: Vec<Inline>,
    /// A comma with nothing but space after it.
    comma: Option<Span>,
    found: Vec<(Span, &'static str)>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Inline {
    Array,
    /// And whether it was reported already.
    Table(bool),
}

impl Finder<'_> {
    fn event(&mut self, event: Event) {
        let span = event.span();
        match event.kind() {
            EventKind::ArrayOpen => self.open.push(Inline::Array),
            EventKind::InlineTableOpen => self.open.push(Inline::Table(false)),
            EventKind::ArrayClose => {
                self.open.pop();
            }
            EventKind::InlineTableClose => {
                if let Some(comma) = self.comma {
                    self.found.push((comma, "a comma at the end of an inline table"));
                }
                self.open.pop();
            }
            EventKind::Newline | EventKind::Comment => self.line_in_inline_table(span),
            EventKind::Scalar | EventKind::SimpleKey => self.text(span, event.encoding()),
            _ => {}
        }
        match event.kind() {
            EventKind::ValueSep => self.comma = Some(span),
            EventKind::Whitespace | EventKind::Newline | EventKind::Comment => {}
            _ => self.comma = None,
        }
    }

    fn line_in_inline_table(&mut self, span: Span) {
        if let Some(reported @ Inline::Table(false)) = self.open.last_mut() {
            *reported = Inline::Table(true);
            self.found.push((span, "an inline table of several lines"));
        }
    }

    fn text(&mut self, span: Span, encoding: Option<Encoding>) {
        let text = &self.text[span.start()..span.end()];
        match encoding {
            Some(Encoding::BasicString | Encoding::MlBasicString) if has_new_escape(text) => {
                self.found.push((span, "the escape sequence `\\e` or `\\x`"));
            }
            None if is_time_without_seconds(text) => {
                self.found.push((span, "a time without seconds"));
            }
            _ => {}
        }
    }
}

fn has_new_escape(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && matches!(chars.next(), Some('e' | 'x')) {
            return true;
        }
    }
    false
}

/// `07:32` or `1979-05-27 07:32Z`, never `07:32:00`; an offset like `+01:00` has a colon too.
fn is_time_without_seconds(text: &str) -> bool {
    let Some((before, after)) = text.split_once(':') else { return false };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    before.bytes().rev().take_while(u8::is_ascii_digit).count() == 2
        && digits(after) == 2
        && !after[2..].starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_addition_is_found_where_it_is() {
        let table = [
            ("a = { b = 1, }\n", "f:1:12: a comma at the end of an inline table"),
            ("a = {\n  b = 1\n}\n", "f:1:6: an inline table of several lines"),
            ("a = { b = 1 # x\n}\n", "f:1:13: an inline table of several lines"),
            ("é = \"\\e\"\n", "f:1:5: the escape sequence `\\e` or `\\x`"),
            ("a = [\"\"\"\n\\x41\"\"\"]\n", "f:1:6: the escape sequence `\\e` or `\\x`"),
            ("a = 07:32\n", "f:1:5: a time without seconds"),
            ("a = 1979-05-27 07:32+01:00\n", "f:1:5: a time without seconds"),
        ];
        for (text, expected) in table {
            let source = SourceFile::new("f", text);
            let found: Vec<String> = check(&source).iter().map(ToString::to_string).collect();
            assert_eq!(
                found,
                [format!("{expected} needs TOML 1.1, which other tools may not read")],
                "{text}"
            );
        }
    }

    #[test]
    fn toml_1_0_is_left_alone() {
        let text = "# c\na = { b = [1,\n 2, # c\n], c = { } }\nd = '\\e'\ne = \"\\\\e\"\nf = 07:32:00\n\
                    g = 1979-05-27T07:32:00-07:00\nh = [\n{ i = 1 },\n]\nj = \"07:32\"\n[k]\n";
        assert_eq!(check(&SourceFile::new("f", text)), []);
    }
}
