//! What the README shows is what the tests run.

/// The block is of `Rust`, not of `rust`: without the feature it cannot be compiled as a test of the documentation.
#[test]
fn the_frontend_of_the_readme_is_the_example() {
    let example = include_str!("../examples/frontend.rs");
    let (_, code) = example.split_once("\n\n#[tokio::main").expect("it has a main function");
    let readme = include_str!("../README.md");
    assert!(
        readme.contains(&format!("```Rust\n#[tokio::main{code}```\n")),
        "the README shows another frontend"
    );
}
