//! What somebody may have meant.

/// The candidate that is a small mistake away from `text`.
pub(crate) fn nearest<'c>(text: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let allowed = (text.chars().count() / 3).max(1);
    let distance = |candidate: &&str| strsim::damerau_levenshtein(text, candidate);
    candidates.iter().copied().filter(|c| distance(c) <= allowed).min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_small_mistakes_are_corrected() {
        let known = ["id", "include", "exclude", "documentation-url"];
        let table = [
            ("idd", Some("id")),
            ("inlcude", Some("include")),
            ("documentation_url", Some("documentation-url")),
            ("x", None),
            ("builder", None),
        ];
        for (text, expected) in table {
            assert_eq!(nearest(text, &known), expected, "{text}");
        }
    }
}
