//! The patterns of `.dockerignore` files and local sources.

/// Patterns of which the last that matches decides.
///
/// Source: the Go module `github.com/moby/patternmatcher`, whose `MatchesUsingParentResults` this is.
#[derive(Clone, Debug)]
pub(crate) struct Patterns(Vec<Pattern>);

/// One pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// As it was written, without what [`clean`] takes away.
    text: String,
    /// It takes back what others matched: it starts with `!`.
    pub(crate) exception: bool,
    tokens: Vec<Token>,
}

/// This is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no pattern for files")]
pub(crate) struct InvalidPattern(String);

/// Which patterns matched a directory: they match all that is in it.
pub(crate) type Matched = Vec<bool>;

#[derive(Clone, Debug)]
enum Token {
    /// This character.
    Literal(char),
    /// One character that is no separator: `?`.
    One,
    /// Any number of those: `*`.
    Any,
    /// Any number of any characters: `**`.
    All,
    /// Any number of directories, with the separator at the end: `**/`.
    Directories,
    /// The inside of [`Token::Directories`].
    Directory,
    /// A character of these ranges, or of none of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Patterns {
    /// Reads patterns; empty ones are passed over.
    pub(crate) fn new<S: AsRef<str>>(patterns: impl IntoIterator<Item = S>) -> Result<Self, InvalidPattern> {
        let patterns = patterns.into_iter().filter(|pattern| !pattern.as_ref().trim().is_empty());
        Ok(Self(patterns.map(|pattern| Pattern::new(pattern.as_ref())).collect::<Result<_, _>>()?))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// Whether a path matches, below a directory that these patterns matched.
    pub(crate) fn matches(&self, path: &str, parent: Option<&Matched>) -> (bool, Matched) {
        let mut result = false;
        let mut matched = vec![false; self.0.len()];
        for (index, pattern) in self.0.iter().enumerate() {
            let inherited = parent.is_some_and(|parent| parent[index]);
            // One that could not change the result is not looked at, and so is not inherited either.
            if inherited || (pattern.exception == result && pattern.matches(path)) {
                matched[index] = true;
                result = !pattern.exception;
            }
        }
        (result, matched)
    }
}

impl Pattern {
    /// Reads one.
    pub(crate) fn new(pattern: &str) -> Result<Self, InvalidPattern> {
        let cleaned = clean(pattern.trim());
        let (exception, text) = match cleaned.strip_prefix('!') {
            Some("") => return Err(InvalidPattern(pattern.to_owned())),
            Some(text) => (true, text.to_owned()),
            None => (false, cleaned),
        };
        let tokens = tokens(&text).ok_or_else(|| InvalidPattern(pattern.to_owned()))?;
        Ok(Self { text, exception, tokens })
    }

    /// Whether a path matches; what is above it is not looked at.
    pub(crate) fn matches(&self, path: &str) -> bool {
        // Every place that the pattern can be at after the characters so far.
        let mut places = vec![false; self.tokens.len() + 1];
        self.reach(0, &mut places);
        for character in path.chars() {
            let mut next = vec![false; places.len()];
            for (place, token) in self.tokens.iter().enumerate().filter(|(place, _)| places[*place]) {
                self.step(place, token, character, &mut next);
            }
            places = next;
        }
        places[self.tokens.len()]
    }

    /// What a match has to start with, if it can be told: the pattern without a glob at its end.
    pub(crate) fn prefix(&self) -> Option<&str> {
        let text = self.text.strip_suffix("/**").unwrap_or(&self.text);
        let text = text.strip_suffix("/*").unwrap_or(text);
        (!text.contains(['*', '[', ']', '?', '^', '\\'])).then_some(text)
    }

    fn step(&self, place: usize, token: &Token, character: char, next: &mut [bool]) {
        let inside = character != '/';
        match token {
            Token::Literal(literal) if *literal == character => self.reach(place + 1, next),
            Token::One if inside => self.reach(place + 1, next),
            Token::Any if inside => self.reach(place, next),
            Token::All => self.reach(place, next),
            Token::Directory => {
                next[place] = true;
                if !inside {
                    self.reach(place + 1, next);
                }
            }
            Token::Class { negated, ranges } => {
                let one_of = ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
                if one_of != *negated {
                    self.reach(place + 1, next);
                }
            }
            Token::Literal(_) | Token::One | Token::Any | Token::Directories => {}
        }
    }

    /// A place, and those that need no character to get to from there.
    fn reach(&self, place: usize, places: &mut [bool]) {
        if std::mem::replace(&mut places[place], true) {
            return;
        }
        match self.tokens.get(place) {
            Some(Token::Any | Token::All) => self.reach(place + 1, places),
            Some(Token::Directories) => {
                places[place + 1] = true;
                self.reach(place + 2, places);
            }
            _ => {}
        }
    }
}

/// None where Go finds the pattern bad.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                match rest.peek() {
                    None => tokens.push(Token::All),
                    // A pattern that starts so and has no other glob is the end of a name.
                    Some(_) if tokens.is_empty() && is_suffix(pattern) => tokens.push(Token::All),
                    Some(_) => tokens.extend([Token::Directories, Token::Directory]),
                }
            }
            '*' => tokens.push(Token::Any),
            '?' => tokens.push(Token::One),
            '\\' => tokens.push(Token::Literal(rest.next()?)),
            '[' => tokens.push(class(&mut rest)?),
            other => tokens.push(Token::Literal(other)),
        }
    }
    Some(tokens)
}

/// `**name`: unlike `**/name`, and unlike `**na*e`, it matches the end of a name.
fn is_suffix(pattern: &str) -> bool {
    let rest = pattern.trim_start_matches('*');
    !rest.starts_with('/') && !rest.contains(['*', '?', '[', ']', '\\'])
}

fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if rest.peek() == Some(&']') && !ranges.is_empty() {
            rest.next();
            return Some(Token::Class { negated, ranges });
        }
        let first = member(rest)?;
        let last = if rest.next_if_eq(&'-').is_some() { member(rest)? } else { first };
        ranges.push((first, last));
    }
}

fn member(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        other => Some(other),
    }
}

/// The shortest path that leads to the same place, as Go's `filepath.Clean` gives it.
pub(crate) fn clean(path: &str) -> String {
    path_clean::clean(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
