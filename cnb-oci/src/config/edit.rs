//! Changes of an image config.

use cnb_core::digest::DiffId;
use cnb_core::encode::go_json;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::Error;
use super::ImageConfig;

/// A config while it is changed. Keys keep their places; new ones come last.
#[derive(Clone, Debug)]
pub struct Edit {
    document: Map<String, Value>,
}

/// How a layer came to be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History {
    /// When, as RFC 3339.
    pub created: String,
    /// By what.
    pub created_by: String,
}

impl Edit {
    pub(super) fn new(document: Map<String, Value>) -> Self {
        Self { document }
    }

    /// Sets when the image was made, as RFC 3339.
    pub fn created(&mut self, time: &str) -> &mut Self {
        self.document.insert("created".to_owned(), time.into());
        self
    }

    /// Sets a label.
    pub fn label(&mut self, name: &str, value: &str) -> &mut Self {
        object(self.process(), "Labels").insert(name.to_owned(), value.into());
        self
    }

    /// Sets a variable of the environment, at its place when it exists.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Self {
        let variables = array(self.process(), "Env");
        let is_it = |variable: &Value| {
            let text = variable.as_str().unwrap_or_default();
            text.split_once('=').map_or(text, |(name, _)| name) == name
        };
        let variable = Value::from(format!("{name}={value}"));
        match variables.iter_mut().find(|variable| is_it(variable)) {
            Some(existing) => *existing = variable,
            None => variables.push(variable),
        }
        self
    }

    /// Sets what starts a container and takes away the default arguments.
    pub fn entrypoint(&mut self, entrypoint: &[&str]) -> &mut Self {
        let process = self.process();
        process.shift_remove("Cmd");
        process.insert("Entrypoint".to_owned(), entrypoint.into());
        self
    }

    /// Sets the user.
    pub fn user(&mut self, user: &str) -> &mut Self {
        self.process().insert("User".to_owned(), user.into());
        self
    }

    /// Sets the working directory.
    pub fn working_dir(&mut self, directory: &str) -> &mut Self {
        self.process().insert("WorkingDir".to_owned(), directory.into());
        self
    }

    /// Adds a layer on top and its history.
    pub fn layer(&mut self, diff_id: &DiffId, history: &History) -> &mut Self {
        let rootfs = object(&mut self.document, "rootfs");
        rootfs.entry("type").or_insert_with(|| "layers".into());
        array(rootfs, "diff_ids").push(diff_id.as_str().into());
        let entry = json!({"created": history.created, "created_by": history.created_by});
        array(&mut self.document, "history").push(entry);
        self
    }

    /// The new config.
    ///
    /// # Errors
    /// When a changed field is not what the specification says.
    pub fn finish(&self) -> Result<ImageConfig, Error> {
        ImageConfig::parse(go_json::to_string(&self.document).map_err(Error::Json)?)
    }

    fn process(&mut self) -> &mut Map<String, Value> {
        object(&mut self.document, "config")
    }
}

/// The object at a key; what is no object becomes one.
fn object<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was just made one")
}

/// The array at a key; what is no array becomes one.
fn array<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let value = map.entry(key).or_insert(Value::Null);
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().expect("it was just made one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_stays_where_it_is() {
        let text = concat!(
            r#"{"x":1,"config":{"Hostname":"h","Env":["P=/bin","Q=1"],"Cmd":["c"],"Shell":["s"]},"#,
            r#""rootfs":{"type":"layers","diff_ids":[]},"moby.x":{"b":1,"a":2}}"#
        );
        let diff_id = crate::digest(b"layer");
        let mut edit = ImageConfig::parse(text).expect("valid").edit();
        edit.env("P", "/x&y").env("R", "").label("b", "1").label("a", "2").entrypoint(&["e"]).user("1:2");
        edit.working_dir("/w").created("1980-01-01T00:00:01Z").layer(&diff_id, &History::default());
        let expected = format!(
            concat!(
                r#"{{"x":1,"config":{{"Hostname":"h","Env":["P=/x\u0026y","Q=1","R="],"Shell":["s"],"#,
                r#""Labels":{{"b":"1","a":"2"}},"Entrypoint":["e"],"User":"1:2","WorkingDir":"/w"}},"#,
                r#""rootfs":{{"type":"layers","diff_ids":["{}"]}},"moby.x":{{"b":1,"a":2}},"#,
                r#""created":"1980-01-01T00:00:01Z","history":[{{"created":"","created_by":""}}]}}"#
            ),
            diff_id
        );
        let config = edit.finish().expect("valid");
        assert_eq!(std::str::from_utf8(config.bytes()), Ok(expected.as_str()));
        assert_eq!(config.diff_ids(), [diff_id]);
    }

    #[test]
    fn null_fields_can_be_set() {
        let mut edit = ImageConfig::parse(r#"{"config":null,"rootfs":null}"#).expect("valid").edit();
        edit.env("A", "1").layer(&crate::digest(b""), &History::default());
        let config = edit.finish().expect("valid");
        assert_eq!(config.env().collect::<Vec<_>>(), [("A", "1")]);
        assert_eq!(config.diff_ids().len(), 1);
    }
}
