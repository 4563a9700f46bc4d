//! Diagnostics with the lines they are about, the way rustc shows them.

use annotate_snippets::AnnotationKind;
use annotate_snippets::Group;
use annotate_snippets::Level;
use annotate_snippets::Renderer;
use annotate_snippets::Snippet;

use super::Diagnostic;
use super::Diagnostics;
use super::Severity;
use super::SourceFile;

impl Diagnostic {
    /// Several lines with the part of the text, without a final end of line. With `color`, ANSI sequences
    /// are part of it.
    #[cfg_attr(docsrs, doc(cfg(feature = "render")))]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(&self.message).id(self.code));
        if let Some(source) = self.source.as_ref().filter(|_| !self.labels.is_empty()) {
            group = group.element(self.snippet(source));
        }
        let help = self.help.iter().map(|text| Level::HELP.message(text));
        let notes = self.notes.iter().map(|text| Level::NOTE.message(text));
        renderer.render(&[group.elements(help.chain(notes))])
    }

    fn snippet<'a>(&'a self, source: &'a SourceFile) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let snippet = Snippet::source(source.text()).path(source.name());
        self.labels.iter().enumerate().fold(snippet, |snippet, (index, label)| {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let annotation = kind.span(label.span.start..label.span.end);
            let text = Some(label.text.as_str()).filter(|text| !text.is_empty());
            snippet.annotation(annotation.label(text))
        })
    }
}

impl Diagnostics {
    /// All of them, an empty line between two, without a final end of line.
    #[cfg_attr(docsrs, doc(cfg(feature = "render")))]
    pub fn render(&self, color: bool) -> String {
        let each: Vec<String> = self.iter().map(|diagnostic| diagnostic.render(color)).collect();
        each.join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_are_shown() {
        let source = SourceFile::new("project.toml", "[a]\nold = 1\n# é\nnéw = 2\n");
        let diagnostic = Diagnostic::error("both", "`néw` and `old`")
            .at(&source, 17..21, "this one")
            .at(&source, 4..7, "and this one")
            .with_help("remove one")
            .with_note("says the specification");
        let expected = "\
error[both]: `néw` and `old`
 --> project.toml:4:1
  |
2 | old = 1
  | --- and this one
3 | # é
4 | néw = 2
  | ^^^ this one
  |
  = help: remove one
  = note: says the specification";
        assert_eq!(diagnostic.render(false), expected);
        assert!(diagnostic.render(true).contains("\x1b["));
    }

    #[test]
    fn the_end_of_an_empty_text_can_be_shown() {
        let source = SourceFile::new("f", "");
        let diagnostic = Diagnostic::warning("empty", "nothing here").at(&source, 0..0, "");
        assert!(diagnostic.render(false).starts_with("warning[empty]: nothing here\n --> f:1:1\n"));
    }
}
