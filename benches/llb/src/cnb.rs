use cnb_llb::Copy;
use cnb_llb::Exec;
use cnb_llb::Image;
use cnb_llb::Local;
use cnb_llb::Platform;
use cnb_llb::State;

/// Commands, each on what the one before left.
pub(crate) fn chain(count: usize) -> Vec<u8> {
    let image = Image::new("docker.io/library/alpine:latest").platform(Platform::new("linux", "amd64"));
    let exec = |number| Exec::new(["/bin/sh".to_owned(), "-c".to_owned(), format!("echo {number} > /count")]);
    let state = (0..count).fold(image.state(), |state, number| state.run(exec(number)).root());
    state.definition().to_bytes()
}

/// Copies, each on no files, on top of each other.
pub(crate) fn wide_merge(count: usize) -> Vec<u8> {
    let source = Local::new("context").session("s").state();
    let copy = |number| {
        let path = format!("/file{number}");
        State::scratch().file(Copy::new(&source, &path, &path))
    };
    let states: Vec<State> = (0..count).map(copy).collect();
    State::merge(&states).definition().to_bytes()
}
