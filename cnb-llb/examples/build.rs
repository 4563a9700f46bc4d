//! Makes a graph, for `buildctl build`.
//!
//! ```text
//! cargo run -p cnb-llb --example build | buildctl build --local context=. --output type=local,dest=out
//! ```

use std::error::Error;
use std::io::Write as _;
use std::io::stdout;

use cnb_llb::Annotate as _;
use cnb_llb::Copy;
use cnb_llb::Exec;
use cnb_llb::Image;
use cnb_llb::Local;
use cnb_llb::Mount;
use cnb_llb::State;

fn main() -> Result<(), Box<dyn Error>> {
    let source = Local::new("context").unique("the build example of cnb-llb").include(["**/*.md"]).state();
    let count = Exec::shell("find . -name '*.md' | xargs wc -w > /out/words")
        .cwd("/src")
        .mount(Mount::bind(&source, "/src").read_only())
        .mount(Mount::bind(&State::scratch(), "/out"))
        .named("count words");
    let counted =
        Image::new("alpine").state().run(count).output("/out").expect("it is mounted to be written");
    let result = State::scratch().file(Copy::new(counted, "/words", "/words.txt"));
    stdout().write_all(&result.definition().to_bytes())?;
    Ok(())
}
