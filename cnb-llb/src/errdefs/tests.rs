use super::*;
use crate::pb::google::protobuf::Any;

fn detail(name: &str, json: &str) -> Any {
    Any { type_url: format!("github.com/moby/buildkit/{name}"), value: json.as_bytes().to_vec() }
}

/// Details as BuildKit 0.13 and 0.29 send them.
#[test]
fn details_are_taken_apart() {
    let details = vec![
        detail("errdefs.Vertex+json", r#"{"digest":"sha256:aa"}"#),
        detail("stack.Stack+json", r#"{"frames":[]}"#),
        detail("gatewayapi.ExitMessage+json", r#"{"Code":3}"#),
        detail(
            "errdefs.Solve+json",
            r#"{"inputIDs":["a"],"op":{"exec":{}},"description":{"llb.customname":"x"}}"#,
        ),
        detail(
            "errdefs.Source+json",
            r#"{"info":{"filename":"project.toml","data":"YQpiCg=="},"ranges":[{"start":{"line":2},"end":{"line":2}}]}"#,
        ),
        detail("errdefs.Subrequest+json", r#"{"name":"frontend.x"}"#),
        detail("errdefs.Source+json", "no JSON"),
    ];
    let status = rpc::Status { code: 2, message: "failed".to_owned(), details };
    let call = tonic::Status::with_details(Code::Unknown, "failed", status.encode_to_vec().into());
    let error = BuildError::from(call);
    assert_eq!(error.to_string(), "failed");
    assert_eq!(error.vertex(), Some("sha256:aa"));
    assert_eq!(error.exit_code(), Some(3));
    assert_eq!(error.sources().count(), 1);
    assert_eq!(error.details().len(), 7, "{error:?}");
    assert!(matches!(&error.details()[3], Detail::Operation(operation) if operation.input_ids == ["a"]));
    assert!(matches!(&error.details()[6], Detail::Other { .. }), "what cannot be read is kept as it is");
}

#[test]
fn what_is_written_is_read_again() {
    let details = [
        Detail::Vertex("sha256:aa".to_owned()),
        Detail::Source(Source::lines("project.toml", "a\nb\n", 1, 2)),
        Detail::Exit(7),
        Detail::Frontend { name: "gateway.v0".to_owned(), source: "image".to_owned() },
        Detail::FrontendCapability("moby.buildkit.frontend.contexts".to_owned()),
        Detail::Subrequest("frontend.lint".to_owned()),
        Detail::Operation(FailedOperation { input_ids: vec!["a".to_owned()], ..FailedOperation::default() }),
        Detail::Other { type_url: "x".to_owned(), value: vec![1] },
    ];
    let error =
        details.iter().cloned().fold(BuildError::new(Code::NotFound, "gone"), BuildError::with_detail);
    let read = BuildError::from_status(error.to_status());
    assert_eq!(read.details(), details);
    assert_eq!((read.code(), read.message()), (Code::NotFound, "gone"));
}

/// The excerpts of `buildctl`.
#[test]
fn excerpts_mark_the_lines() {
    let text = "one\ntwo\nthree\nfour\nfive\n";
    let rule = "--------------------";
    for (first, last, expected) in [
        (1, 1, "p:1\nR\n   1 | >>> one\n   2 |     two\n   3 |     three\nR\n"),
        (
            3,
            3,
            "p:3\nR\n   1 |     one\n   2 |     two\n   3 | >>> three\n   4 |     four\n   5 |     five\nR\n",
        ),
        (2, 3, "p:2\nR\n   1 |     one\n   2 | >>> two\n   3 | >>> three\n   4 |     four\nR\n"),
        (9, 9, ""),
        (0, 0, ""),
    ] {
        let excerpt = Source::lines("p", text, first, last).excerpt();
        assert_eq!(excerpt, expected.replace('R', rule), "{first} to {last}");
    }
}

#[test]
fn errors_point_where_operations_do() {
    let file = crate::SourceFile::new("project.toml", "a\nb\n");
    assert_eq!(Source::from(file.lines(1..=2)), Source::lines("project.toml", "a\nb\n", 1, 2));
    let source = Source::from(file.clone().with_language("TOML").span((1, 0), (1, 1)).and(file.line(2)));
    assert_eq!((source.info.language.as_str(), source.ranges.len()), ("TOML", 2));
    assert_eq!(source.ranges[0].end, Position { line: 1, character: 1 });
}

#[test]
fn an_error_without_a_message_says_its_code() {
    assert_eq!(BuildError::new(Code::Unavailable, "").to_string(), "The service is currently unavailable");
}
