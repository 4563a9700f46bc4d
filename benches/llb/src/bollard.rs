use bollard_llb::FileOpts;
use bollard_llb::Local;
use bollard_llb::MarshalOpts;
use bollard_llb::MergeOpts;
use bollard_llb::RunOpts;
use bollard_llb::State;
use bollard_llb::copy;
use bollard_llb::image;
use bollard_llb::merge;
use bollard_llb::scratch;

use crate::Result;

/// Commands, each on what the one before left.
pub(crate) fn chain(count: usize) -> Result<Vec<u8>> {
    let mut state = image("docker.io/library/alpine:latest")?;
    for number in 0..count {
        let run =
            RunOpts::new().with_arg("/bin/sh").with_arg("-c").with_arg(format!("echo {number} > /count"));
        state = state.run(run).root()?;
    }
    Ok(state.marshal(MarshalOpts::linux_amd64())?.into_bytes()?)
}

/// Copies, each on no files, on top of each other.
pub(crate) fn wide_merge(count: usize) -> Result<Vec<u8>> {
    let source = State::from(Local::new("context")?.with_session_id("s")?);
    let copies = (0..count).map(|number| {
        let path = format!("/file{number}");
        Ok(scratch()?.file(copy(source.clone(), &path, &path), FileOpts::new())?)
    });
    let copies = copies.collect::<Result<Vec<State>>>()?;
    Ok(merge(copies, MergeOpts::new())?.marshal(MarshalOpts::linux_amd64())?.into_bytes()?)
}
