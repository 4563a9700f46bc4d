//! From the lines of a Dockerfile to its instructions: comments, continuations and here-documents.

use std::ops::Range;

/// An instruction with everything that belongs to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Instruction {
    /// In capital letters.
    pub(super) name: String,
    pub(super) arguments: String,
    /// Where it begins, counted from 1.
    pub(super) line: usize,
    /// Its first line in the bytes of the text.
    pub(super) span: Range<usize>,
}

/// Where a line begins.
struct Place {
    start: usize,
    number: usize,
}

/// The instructions in the order of the text.
pub(super) fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape_character(text);
    let mut instructions = Vec::new();
    let mut offset = 0;
    let mut lines = text.split_inclusive('\n').enumerate().map(|(index, line)| {
        let start = offset;
        offset += line.len();
        (Place { start, number: index + 1 }, line.trim_end_matches(['\n', '\r']))
    });
    while let Some((place, line)) = lines.next() {
        if is_ignored(line) {
            continue;
        }
        let mut whole = line.trim_start().to_owned();
        while let Some(continued) = whole.trim_end_matches([' ', '\t']).strip_suffix(escape) {
            whole = continued.to_owned();
            let Some((_, next)) = lines.by_ref().find(|(_, line)| !is_ignored(line)) else { break };
            whole.push_str(next);
        }
        let (name, arguments) = whole.split_once(char::is_whitespace).unwrap_or((&whole, ""));
        let name = name.to_uppercase();
        for terminator in here_documents(&name, arguments) {
            lines.by_ref().find(|(_, line)| terminator.is_end(line));
        }
        instructions.push(Instruction {
            name,
            arguments: arguments.trim().to_owned(),
            line: place.number,
            span: place.start..place.start + line.len(),
        });
    }
    instructions
}

fn is_ignored(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// The directive `escape` stands in comments before everything else.
fn escape_character(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    for (name, value) in directives {
        if name.trim().eq_ignore_ascii_case("escape") {
            return value.trim().chars().next().unwrap_or('\\');
        }
    }
    '\\'
}

/// The line that ends a here-document.
struct Terminator {
    word: String,
    /// Whether tabs may stand before it.
    indented: bool,
}

impl Terminator {
    fn is_end(&self, line: &str) -> bool {
        let line = if self.indented { line.trim_start_matches('\t') } else { line };
        line == self.word
    }
}

fn here_documents(name: &str, arguments: &str) -> Vec<Terminator> {
    if !matches!(name, "ADD" | "COPY" | "RUN") {
        return Vec::new();
    }
    let words = arguments.split_whitespace();
    words.filter_map(terminator).collect()
}

/// `<<WORD`, `<<-WORD`, `<<"WORD"`, perhaps with the number of a file descriptor before it.
fn terminator(word: &str) -> Option<Terminator> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (indented, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let quoted = ['"', '\''].iter().find_map(|quote| rest.strip_prefix(*quote)?.strip_suffix(*quote));
    let word = quoted.unwrap_or(rest);
    let is_word = !word.is_empty() && !word.contains(['<', '>', '"', '\'']);
    is_word.then(|| Terminator { word: word.to_owned(), indented })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, arguments and line of each instruction.
    type Read = &'static [(&'static str, &'static str, usize)];

    fn read(text: &str) -> Vec<(String, String, usize)> {
        let instructions = instructions(text).into_iter();
        instructions.map(|Instruction { name, arguments, line, .. }| (name, arguments, line)).collect()
    }

    #[test]
    fn lines_become_instructions() {
        let table: [(&str, Read); 7] = [
            ("# c\n\n  from a AS b  \n", &[("FROM", "a AS b", 3)]),
            ("RUN a \\\n# c\n\n  b\nRUN c", &[("RUN", "a   b", 1), ("RUN", "c", 5)]),
            (
                "# escape=`\nRUN a `\nb\nRUN c\\\nRUN d",
                &[("RUN", "a b", 2), ("RUN", "c\\", 4), ("RUN", "d", 5)],
            ),
            ("RUN <<EOF\nFROM x\nEOF\nRUN y", &[("RUN", "<<EOF", 1), ("RUN", "y", 4)]),
            ("COPY <<-\"A\" <<B /x\n1\n\tA\n2\nB\nRUN y", &[("COPY", "<<-\"A\" <<B /x", 1), ("RUN", "y", 6)]),
            ("ENV a=<<EOF\nRUN y", &[("ENV", "a=<<EOF", 1), ("RUN", "y", 2)]),
            ("RUN a\\", &[("RUN", "a", 1)]),
        ];
        for (text, expected) in table {
            let expected: Vec<_> =
                expected.iter().map(|(n, a, l)| ((*n).to_owned(), (*a).to_owned(), *l)).collect();
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
