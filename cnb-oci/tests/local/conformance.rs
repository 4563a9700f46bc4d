//! The public suite.

use std::net::TcpListener;
use std::sync::Arc;

use cnb_core::conformance;
use cnb_core::conformance::Target;
use futures_lite::future::block_on;

use crate::mode::Inside;

pub(crate) fn suite(inside: &Inside) {
    let scratch = inside.own().join("scratch");
    std::fs::create_dir(&scratch).expect("the directory is the user's");
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let outputs = inside.own();
    let backend = crate::conformance::rooted::Rooted::new(inside);
    let target = Target::new(Arc::new(backend), "probe:root".parse().expect("a transport and a name"))
        .with_output(move |name| {
            format!("oci:{}:{name}", outputs.join("out").display()).parse().expect("a path")
        })
        .with_scratch(scratch)
        .with_reachable(address);
    let report = block_on(conformance::run(&target));
    println!("{report}");
    assert!(report.failed.is_empty(), "{report}");
}

mod rooted {
    use super::*;
    use async_trait::async_trait;
    use bytes::Bytes;
    use cnb_core::backend::*;
    use cnb_core::event::EventSink;
    use cnb_core::image_name::ImageName;
    use cnb_oci::local::LocalBackend;

    #[derive(Debug)]
    pub struct Rooted(LocalBackend, Tree);
    impl Rooted {
        pub fn new(inside: &Inside) -> Self {
            let b = inside.backend();
            let probe = std::fs::read(inside.program("cnb-probe")).unwrap();
            let t =
                block_on(b.load(Source::Files(vec![File::regular("/cnb-probe", probe).with_mode(0o755)])))
                    .unwrap();
            Self(b, t)
        }
    }
    #[async_trait]
    impl Backend for Rooted {
        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }
        async fn resolve(&self, r: ImageRequest) -> Result<Image> {
            if r.name.to_string() == "probe:root" {
                Ok(Image::new(cnb_oci::digest(b""), Bytes::from_static(b"{}"), self.1.clone()))
            } else {
                self.0.resolve(r).await
            }
        }
        async fn load(&self, s: Source) -> Result<Tree> {
            self.0.load(s).await
        }
        async fn run(&self, s: Step, e: &dyn EventSink) -> Result<StepOutput> {
            self.0.run(s, e).await
        }
        async fn read(&self, t: &Tree, p: &str) -> Result<Bytes> {
            self.0.read(t, p).await
        }
        async fn list(&self, t: &Tree, p: &str) -> Result<Vec<Entry>> {
            self.0.list(t, p).await
        }
        async fn compose(&self, p: Vec<Part>) -> Result<Tree> {
            self.0.compose(p).await
        }
        async fn finalize(&self, l: Vec<LayerSource>) -> Result<Vec<Layer>> {
            self.0.finalize(l).await
        }
        async fn export(&self, p: ImagePlan, o: &[ImageName]) -> Result<Vec<Exported>> {
            self.0.export(p, o).await
        }
    }
}
