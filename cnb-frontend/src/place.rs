//! Where in the descriptor something is, as BuildKit and its clients show it.

use cnb_core::diagnostic::Position;
use cnb_core::diagnostic::SourceFile;
use cnb_core::diagnostic::Span;
use cnb_core::project::BuildpackEntry;
use cnb_core::project::Descriptor;
use cnb_core::selection::is_for;
use cnb_llb::Location;
use cnb_llb::errdefs::Source;

/// What the language of descriptors is called.
const LANGUAGE: &str = "TOML";

/// Parts of a descriptor: at least one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    file: SourceFile,
    spans: Vec<Span>,
}

impl Place {
    /// A part of a file.
    pub fn new(file: &SourceFile, span: Span) -> Self {
        Self { file: file.clone(), spans: vec![span] }
    }

    /// The first line, which names the frontend: for what is written nowhere in a file.
    pub fn start(file: &SourceFile) -> Self {
        Self::new(file, Span::default())
    }

    /// The builder, or else the first line.
    pub fn of_builder(descriptor: &Descriptor) -> Self {
        let builder = descriptor.builder.as_ref().map(|builder| builder.span);
        Self::new(&descriptor.source, builder.unwrap_or_default())
    }

    /// The buildpacks that the descriptor asks for in an execution environment. Which of them failed is not known, so it
    /// is all of them; those of `pre` and `post` together with the builder, whose own are between them.
    ///
    /// None if it asks for none.
    pub fn of_buildpacks(descriptor: &Descriptor, exec_env: &str) -> Option<Self> {
        let spans = |list: &[BuildpackEntry]| -> Vec<Span> {
            let entries = list.iter().filter(|entry| is_for(&entry.exec_env, exec_env));
            entries.map(|entry| entry.span).collect()
        };
        let mut all = spans(&descriptor.group);
        if all.is_empty() {
            all = [spans(&descriptor.pre), spans(&descriptor.post)].concat();
            if !all.is_empty() {
                all.extend(descriptor.builder.as_ref().map(|builder| builder.span));
            }
        }
        all.sort_by_key(|span| span.start);
        (!all.is_empty()).then(|| Self { file: descriptor.source.clone(), spans: all })
    }

    /// For errors and warnings.
    pub fn source(&self) -> Source {
        let mut source = Source::default();
        self.file.name().clone_into(&mut source.info.filename);
        LANGUAGE.clone_into(&mut source.info.language);
        source.info.data = self.file.text().as_bytes().to_vec();
        for span in &self.spans {
            let (start, end) = self.ends(*span);
            let position = |at: Position| cnb_llb::errdefs::Position {
                line: clamp(at.line),
                character: clamp(at.column.saturating_sub(1)),
            };
            source.ranges.push(cnb_llb::errdefs::Range { start: position(start), end: position(end) });
        }
        source
    }

    /// For what runs because of it.
    pub fn location(&self) -> Location {
        let file = cnb_llb::SourceFile::new(self.file.name(), self.file.text()).with_language(LANGUAGE);
        let line = |at: Position| u32::try_from(at.line).unwrap_or(u32::MAX);
        let lines = self.spans.iter().map(|span| {
            let (start, end) = self.ends(*span);
            file.lines(line(start)..=line(end))
        });
        lines.reduce(Location::and).unwrap_or_else(|| file.line(1))
    }

    fn ends(&self, span: Span) -> (Position, Position) {
        (self.file.position(span.start), self.file.position(span.end))
    }
}

/// Nobody writes files with more lines than the protocol can count.
fn clamp(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(place: &Place) -> Vec<i32> {
        let source = place.source();
        assert_eq!((source.info.filename.as_str(), source.info.language.as_str()), ("project.toml", "TOML"));
        source.ranges.iter().map(|range| range.start.line).collect()
    }

    fn descriptor(text: &str) -> Descriptor {
        let text = format!("# syntax=f\n[_]\nschema-version = '0.3'\n[io.buildpacks]\n{text}");
        Descriptor::read(&SourceFile::new("project.toml", text)).expect("valid").0
    }

    #[test]
    fn buildpacks_are_marked_before_the_builder_and_that_before_the_first_line() {
        let entry = |list: &str, id: &str| format!("[[io.buildpacks.{list}]]\nid = '{id}'\nversion = '1'\n");
        let both = descriptor(&format!("builder = 'b'\n{}{}", entry("group", "a"), entry("group", "b")));
        assert_eq!(Place::of_buildpacks(&both, "production").map(|place| lines(&place)), Some(vec![7, 10]));
        assert_eq!(lines(&Place::of_builder(&both)), [5]);

        let around =
            descriptor(&format!("builder = 'b'\n{}{}", entry("post.group", "a"), entry("pre.group", "b")));
        assert_eq!(
            Place::of_buildpacks(&around, "production").map(|place| lines(&place)),
            Some(vec![5, 7, 10])
        );

        let other = descriptor("[[io.buildpacks.group]]\nid = 'a'\nversion = '1'\nexec-env = ['test']\n");
        assert_eq!(Place::of_buildpacks(&other, "production"), None);
        assert_eq!(lines(&Place::of_builder(&other)), [1]);
        assert_eq!(Place::of_buildpacks(&other, "test").map(|place| lines(&place)), Some(vec![6]));
    }

    #[test]
    fn characters_count_from_zero() {
        let file = SourceFile::new("project.toml", "a\nbé = 1\n");
        let place = Place::new(&file, (7..8).into());
        let range = place.source().ranges[0];
        assert_eq!((range.start.line, range.start.character, range.end.character), (2, 4, 5));
        assert_eq!(place.source().info.data, file.text().as_bytes());
    }
}
