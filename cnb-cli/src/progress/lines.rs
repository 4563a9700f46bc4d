//! Whole lines out of pieces of output.

/// Collects the pieces of a stream and gives back its lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes a piece and returns the lines it completes, without their ends.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                lines.extend(self.flush());
            }
        }
        lines
    }

    /// The line that has no end yet, if there is one.
    pub(super) fn flush(&mut self) -> Option<String> {
        if self.rest.is_empty() {
            return None;
        }
        let line = String::from_utf8_lossy(&self.rest).trim_end_matches(['\n', '\r']).to_owned();
        self.rest.clear();
        // What a carriage return would overwrite on a terminal is not worth a line.
        Some(line.rsplit('\r').next().unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"on"), Vec::<String>::new());
        assert_eq!(lines.push(b"e\r\ntwo\n\nthr"), ["one", "two", ""]);
        assert_eq!(lines.push("é".as_bytes().split_at(1).0), Vec::<String>::new());
        assert_eq!(lines.push(&"é".as_bytes()[1..]), Vec::<String>::new());
        assert_eq!(lines.flush().as_deref(), Some("thré"));
        assert_eq!(lines.flush(), None);
        assert_eq!(lines.push(b"10%\r100%\n"), ["100%"]);
    }
}
