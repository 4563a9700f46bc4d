//! Who may reuse what: the name under which a build keeps things.

use std::fmt;

use cnb_core::backend::CacheId;
use cnb_core::digest::Digest;
use cnb_core::project::CacheScope;
use cnb_core::project::Descriptor;
use sha2::Digest as _;
use sha2::Sha256;

/// What tells an application from all others.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Project {
    /// What the user says on the command line.
    Explicit(String),
    /// `_.id` of the descriptor.
    Id(String),
    /// `_.name` of the descriptor.
    Name(String),
    /// Where its source comes from.
    Repository(String),
}

/// Builds with equal namespaces share what they keep; others never see it.
///
/// ```
/// use cnb_cache::namespace::Namespace;
/// use cnb_cache::namespace::Project;
///
/// let project = Project::Id("com.example.shop".to_owned());
/// let namespace = Namespace::new(project, "example.com/builder:1", "linux/amd64").with_operator("team-a");
/// let printed = "operator=team-a project=id:com.example.shop builder=example.com/builder:1 \
///                platform=linux/amd64 exec-env=production";
/// assert_eq!(namespace.to_string(), printed);
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Namespace {
    operator: String,
    owner: Owner,
    builder: String,
    platform: String,
    exec_env: String,
}

impl Namespace {
    /// The namespace of builds for the execution environment `production`.
    ///
    /// `builder` is a name that stays when the builder gets updates, `platform` for example `linux/amd64`.
    pub fn new(project: Project, builder: impl Into<String>, platform: impl Into<String>) -> Self {
        Self {
            operator: String::new(),
            owner: Owner::Project(project),
            builder: builder.into(),
            platform: platform.into(),
            exec_env: "production".to_owned(),
        }
    }

    /// Keeps apart what those who run builds want apart, for example tenants.
    #[must_use]
    pub fn with_operator(mut self, operator: impl Into<String>) -> Self {
        self.operator = operator.into();
        self
    }

    /// The namespace of builds for another execution environment.
    #[must_use]
    pub fn with_exec_env(mut self, exec_env: impl Into<String>) -> Self {
        self.exec_env = exec_env.into();
        self
    }

    /// Where builds of this namespace keep what they share with others: none where they do not. It leaves out the project,
    /// and for [`CacheScope::Machine`] also the operator, and is that of no project.
    ///
    /// ```
    /// use cnb_cache::namespace::Namespace;
    /// use cnb_cache::namespace::Project;
    /// use cnb_core::project::CacheScope;
    ///
    /// let project = |name: &str| Project::Name(name.to_owned());
    /// let [shop, blog] = ["shop", "blog"].map(|name| Namespace::new(project(name), "example.com/builder", "linux/amd64"));
    /// assert_eq!(shop.shared(CacheScope::Namespace), blog.shared(CacheScope::Namespace));
    /// assert_eq!(shop.shared(CacheScope::Project), None);
    /// ```
    pub fn shared(&self, scope: CacheScope) -> Option<Self> {
        let operator = match scope {
            CacheScope::Project => return None,
            CacheScope::Namespace => self.operator.clone(),
            CacheScope::Machine => String::new(),
        };
        Some(Self { operator, owner: Owner::Shared(scope), ..self.clone() })
    }

    /// A name for files and cache mounts: the project for people to read, and a digest of everything. It is the
    /// same in every release.
    pub fn id(&self) -> CacheId {
        let (kind, owner) = self.owner.parts();
        let mut hash = Sha256::new();
        for part in ["1", &self.operator, kind, &owner, &self.builder, &self.platform, &self.exec_env] {
            // The length keeps parts apart whatever is in them.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest = Digest::from_bytes(hash.finalize().into());
        let name = match &self.owner {
            Owner::Project(project) => readable(project.parts().1),
            Owner::Shared(scope) => format!("shared-{scope}"),
        };
        CacheId::new(format!("{name}-{}", &digest.hex()[..32])).expect("all characters are plain")
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.operator.is_empty() {
            write!(f, "operator={} ", self.operator)?;
        }
        match &self.owner {
            Owner::Project(project) => {
                let (kind, project) = project.parts();
                write!(f, "project={kind}:{project} ")?;
            }
            Owner::Shared(scope) => write!(f, "shared={scope} ")?,
        }
        write!(f, "builder={} ", self.builder)?;
        write!(f, "platform={} exec-env={}", self.platform, self.exec_env)
    }
}

/// Whose builds they are.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Owner {
    Project(Project),
    /// Those of all projects that share in this scope.
    Shared(CacheScope),
}

impl Owner {
    fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Project(project) => {
                let (kind, project) = project.parts();
                (kind, project.to_owned())
            }
            Self::Shared(scope) => ("shared", scope.to_string()),
        }
    }
}

impl Project {
    /// What a project descriptor says: its ID, or else its name.
    pub fn described(descriptor: &Descriptor) -> Option<Self> {
        let id = descriptor.id.clone().map(Self::Id);
        id.or_else(|| descriptor.name.clone().map(Self::Name))
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Explicit(text) => ("explicit", text),
            Self::Id(text) => ("id", text),
            Self::Name(text) => ("name", text),
            Self::Repository(text) => ("repository", text),
        }
    }
}

fn readable(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mapped: String = text.chars().map(plain).collect();
    let words: Vec<&str> = mapped.split('-').filter(|word| !word.is_empty()).collect();
    let joined = if words.is_empty() { "project".to_owned() } else { words.join("-") };
    joined.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Namespace {
        Namespace::new(Project::Name("My Shop / 1".to_owned()), "example.com/builder", "linux/amd64")
    }

    /// These ids are on the disks of users: they must never change.
    #[test]
    fn ids_are_pinned() {
        let cases = [
            (shop(), "my-shop-1-e9d1577dc4684732a52da6083c236466"),
            (shop().with_operator("a"), "my-shop-1-467f73ed89c797fad27a4260a21a4df0"),
            (shop().with_exec_env("test"), "my-shop-1-84445ca17b4a47d8ea1a260e5a67f9e9"),
            (Namespace::new(Project::Id(String::new()), "", ""), "project-efe5d2f8bc27c66060f70e5fa82145ec"),
        ];
        for (namespace, id) in cases {
            assert_eq!(namespace.id().as_str(), id, "{namespace}");
        }
    }

    /// So are these.
    #[test]
    fn what_is_shared_has_a_namespace_of_its_own() {
        let tenant = shop().with_operator("a");
        let other = Namespace::new(Project::Id("x".to_owned()), "example.com/builder", "linux/amd64");
        let cases = [
            (shop(), CacheScope::Namespace, "shared-namespace-8f2797698c99ab85fabc5502eb7695ce"),
            (shop(), CacheScope::Machine, "shared-machine-0f0e70f5bf889b1cd01a1fb797b51e0b"),
            (tenant.clone(), CacheScope::Namespace, "shared-namespace-37412fe50cc001e8e8bdb61fd729bc21"),
            (
                shop().with_exec_env("test"),
                CacheScope::Machine,
                "shared-machine-3a561613079fe985b85e37b013139abd",
            ),
        ];
        for (namespace, scope, id) in cases {
            let shared = namespace.shared(scope).expect("it is shared");
            assert_eq!(shared.id().as_str(), id, "{shared}");
        }
        assert_eq!(shop().shared(CacheScope::Project), None);
        for scope in [CacheScope::Namespace, CacheScope::Machine] {
            assert_eq!(shop().shared(scope), other.shared(scope), "the project makes no difference");
            for another in [
                Namespace::new(Project::Id("x".to_owned()), "another", "linux/amd64"),
                Namespace::new(Project::Id("x".to_owned()), "example.com/builder", "linux/arm64"),
                other.clone().with_exec_env("test"),
            ] {
                assert_ne!(other.shared(scope), another.shared(scope), "{another}");
            }
        }
        assert_ne!(tenant.shared(CacheScope::Namespace), shop().shared(CacheScope::Namespace));
        assert_eq!(tenant.shared(CacheScope::Machine), shop().shared(CacheScope::Machine));
        let printed = "operator=a shared=namespace builder=example.com/builder platform=linux/amd64 exec-env=production";
        assert_eq!(tenant.shared(CacheScope::Namespace).expect("it is shared").to_string(), printed);
    }

    #[test]
    fn a_descriptor_says_id_or_name() {
        let described = |text: &str| {
            let text = format!("[_]\nschema-version = '0.2'\n{text}");
            let source = cnb_core::diagnostic::SourceFile::new("project.toml", text);
            Project::described(&Descriptor::read(&source).expect("valid").0)
        };
        assert_eq!(described("id = 'i'\nname = 'n'\n"), Some(Project::Id("i".to_owned())));
        assert_eq!(described("name = 'n'\n"), Some(Project::Name("n".to_owned())));
        assert_eq!(described(""), None);
    }

    #[test]
    fn every_part_makes_a_difference() {
        let name = |text: &str| Project::Name(text.to_owned());
        let namespaces = [
            shop(),
            Namespace::new(Project::Id("My Shop / 1".to_owned()), "example.com/builder", "linux/amd64"),
            Namespace::new(Project::Explicit("My Shop / 1".to_owned()), "example.com/builder", "linux/amd64"),
            Namespace::new(
                Project::Repository("My Shop / 1".to_owned()),
                "example.com/builder",
                "linux/amd64",
            ),
            Namespace::new(name("my-shop-1"), "example.com/builder", "linux/amd64"),
            Namespace::new(name("My Shop / 1"), "example.com/builder2", "linux/amd64"),
            Namespace::new(name("My Shop / 1"), "example.com/builder", "linux/arm64"),
            Namespace::new(name("My Shop / 1"), "example.com/builderl", "inux/amd64"),
            shop().with_operator("x"),
            shop().with_exec_env("x"),
        ];
        let ids: std::collections::BTreeSet<_> = namespaces.iter().map(Namespace::id).collect();
        assert_eq!(ids.len(), namespaces.len());
    }
}
