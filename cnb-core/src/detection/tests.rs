//! Tables of orders, outcomes and plans, over elements that only exist in the table.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::buildpack::order::Order;
use crate::buildpack::plan::BuildPlan;
use crate::buildpack::plan::ElementKind;
use crate::buildpack::plan::Provide;
use crate::buildpack::plan::Require;
use crate::buildpack::system::System;

/// Pairs of a name and what it stands for.
type Words = &'static [(&'static str, &'static str)];

/// Elements by name; those not named pass without a plan.
#[derive(Default)]
struct Table {
    composites: BTreeMap<String, String>,
    exec_env: BTreeMap<String, Vec<String>>,
    targets: BTreeMap<String, Vec<crate::buildpack::target::Target>>,
    outcomes: BTreeMap<String, Outcome>,
    missing: Vec<String>,
    runs: Vec<String>,
}

impl Detector for Table {
    type Error = String;

    fn look_up(&mut self, candidate: &Candidate) -> Result<Descriptor, String> {
        let id = candidate.id.as_str();
        if self.missing.contains(&id.to_owned()) {
            return Err(format!("no {id}"));
        }
        Ok(Descriptor {
            api: "0.12".to_owned(),
            homepage: String::new(),
            targets: self.targets.get(id).cloned().unwrap_or_default(),
            exec_env: self.exec_env.get(id).cloned().unwrap_or_default(),
            order: self.composites.get(id).map(|text| order(text).order).unwrap_or_default(),
        })
    }

    fn detect(&mut self, candidates: &[(Candidate, Descriptor)]) -> Vec<Outcome> {
        let outcome = |(candidate, _): &(Candidate, Descriptor)| {
            self.runs.push(candidate.to_string());
            let known = self.outcomes.get(candidate.id.as_str()).cloned();
            known.unwrap_or_else(|| Outcome::pass(BuildPlan::default()))
        };
        candidates.iter().map(outcome).collect()
    }
}

/// Groups are separated by `|`, elements by spaces; `?` makes an element optional, groups of extensions stand
/// behind `;`.
fn order(text: &str) -> Order {
    let groups = |text: &str| {
        let element = |text: &str| {
            let optional = text.ends_with('?');
            format!("{{id = '{}', version = '1', optional = {optional}}}", text.trim_end_matches('?'))
        };
        let group = |text: &str| {
            format!("{{group = [{}]}}", text.split_whitespace().map(element).collect::<Vec<_>>().join(", "))
        };
        text.split('|').map(group).collect::<Vec<_>>().join(", ")
    };
    let (buildpacks, extensions) = text.split_once(';').map_or((text, None), |(b, e)| (b, Some(e)));
    let extensions = extensions.map(|text| format!("order-extensions = [{}]", groups(text)));
    let document = format!("order = [{}]\n{}", groups(buildpacks), extensions.unwrap_or_default());
    Order::read(Path::new("order.toml"), &document).expect("an order")
}

/// Words `+name` are provided, `-name` required; sections are separated by `|`.
fn plan(text: &str) -> BuildPlan {
    let section = |text: &str| {
        let names = |sign| text.split_whitespace().filter_map(move |word| word.strip_prefix(sign));
        let require = |name: &str| Require { name: name.to_owned(), ..Require::default() };
        crate::buildpack::plan::PlanSection {
            requires: names('-').map(require).collect(),
            provides: names('+').map(|name| Provide { name: name.to_owned() }).collect(),
        }
    };
    let mut sections = text.split('|').map(section);
    let first = sections.next().expect("a split has a first part");
    BuildPlan { requires: first.requires, provides: first.provides, or: sections.collect() }
}

fn detect_in(table: &mut Table, text: &str) -> (Result<Detected, DetectionError<String>>, Vec<String>) {
    let conditions = Conditions {
        platform_api: PlatformApi::NEWEST,
        target: Target { os: "linux".to_owned(), arch: "amd64".to_owned(), ..Target::default() },
        exec_env: "production".to_owned(),
    };
    let mut transcript = Transcript::default();
    let order = DetectionOrder::new(&order(text), &System::default());
    let detected = detect(&order, &conditions, table, &mut transcript);
    (detected, transcript.lines.into_iter().map(|line| line.text).collect())
}

/// The group, or the error; and the plan as `name: providers -> number of demands`.
fn summary(detected: Result<Detected, DetectionError<String>>) -> (String, String) {
    match detected {
        Err(error) => (format!("! {error}"), String::new()),
        Ok(Detected { group, plan }) => {
            let ids = group.extensions.iter().chain(&group.buildpacks).map(|element| element.id.as_str());
            let entries = plan.entries.iter().map(|entry| {
                let providers: Vec<&str> = entry.providers.iter().map(|p| p.id.as_str()).collect();
                format!("{}: {} -> {}", entry.requires[0].name, providers.join(" "), entry.requires.len())
            });
            (ids.collect::<Vec<_>>().join(" "), entries.collect::<Vec<_>>().join(", "))
        }
    }
}

fn outcome(text: &str) -> Outcome {
    match text {
        "fail" => Outcome::default(),
        "error" => Outcome { verdict: Verdict::Error { code: Some(7), message: None }, ..Outcome::default() },
        plan_text => Outcome::pass(plan(plan_text)),
    }
}

#[test]
fn the_first_group_that_passes_wins() {
    const NONE: &str = "! no buildpacks participating";
    const ERRORS: &str = "! buildpack(s) failed with err";
    let table: [(&str, Words, &str); 17] = [
        ("a b", &[], "a b"),
        ("a | b", &[], "a"),
        ("a | b", &[("a", "fail")], "b"),
        ("a? b", &[("a", "fail")], "b"),
        ("a? b?", &[("a", "fail"), ("b", "fail")], NONE),
        ("a", &[("a", "error")], ERRORS),
        ("a | b", &[("a", "error")], "b"),
        ("a | b", &[("a", "error"), ("b", "fail")], ERRORS),
        ("a? b", &[("a", "error")], "b"),
        ("a? b?", &[("a", "error"), ("b", "fail")], NONE),
        ("a a", &[], "a"),
        ("", &[], NONE),
        ("a; e", &[], "e a"),
        ("a; e | f", &[("e", "fail")], "a"),
        ("a; e", &[("a", "fail")], NONE),
        ("a?; e", &[("a", "fail")], NONE),
        ("a b; e | f", &[("e", "+x"), ("b", "-x"), ("a", "fail")], NONE),
    ];
    for (text, outcomes, expected) in table {
        let outcomes = outcomes.iter().map(|(id, text)| ((*id).to_owned(), outcome(text)));
        let mut elements = Table { outcomes: outcomes.collect(), ..Table::default() };
        assert_eq!(summary(detect_in(&mut elements, text).0).0, expected, "{text}");
    }
}

#[test]
fn composite_buildpacks_are_replaced_by_their_groups() {
    let table: [(&str, Words, &[&str], &str); 8] = [
        ("m c", &[("m", "a | b")], &[], "a c"),
        ("m c", &[("m", "a | b")], &["a"], "b c"),
        ("m c", &[("m", "a | b")], &["a", "b"], "! no buildpacks participating"),
        ("m? c", &[("m", "a | b")], &["a", "b"], "c"),
        ("x m c", &[("m", "n a"), ("n", "x y")], &[], "x y a c"),
        ("m m c", &[("m", "a")], &[], "a c"),
        ("m", &[("m", "a m")], &[], "! composite buildpack m@1 contains itself"),
        ("m", &[("m", "n"), ("n", "a m?")], &[], "! composite buildpack m@1 contains itself"),
    ];
    for (text, composites, failing, expected) in table {
        let mut elements = Table {
            composites: composites.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect(),
            outcomes: failing.iter().map(|id| ((*id).to_owned(), Outcome::default())).collect(),
            ..Table::default()
        };
        assert_eq!(summary(detect_in(&mut elements, text).0).0, expected, "{text}");
    }
}

#[test]
fn demands_and_offers_decide_about_the_plan() {
    const NONE: &str = "! no buildpacks participating";
    let table: [(&str, Words, &str, &str); 14] = [
        ("a b", &[("a", "+x"), ("b", "-x")], "a b", "x: a -> 1"),
        ("a b", &[("a", "-x"), ("b", "+x")], NONE, ""),
        ("a b", &[("a", "+x")], NONE, ""),
        ("a", &[("a", "+x -x")], "a", "x: a -> 1"),
        ("a? b", &[("a", "+x")], "b", ""),
        ("a b?", &[("b", "-x")], "a", ""),
        ("a b c", &[("a", "+x"), ("b", "+x"), ("c", "-x -x")], "a b c", "x: a b -> 2"),
        ("a b c", &[("a", "+x"), ("b", "-x"), ("c", "+x")], NONE, ""),
        ("a b? c?", &[("b", "+x"), ("c", "-x -y")], "a", ""),
        ("a b", &[("a", "+x|+y"), ("b", "-y|-z")], "a b", "y: a -> 1"),
        ("a b", &[("a", "+x|+y"), ("b", "-z|-y|-x")], "a b", "x: a -> 1"),
        ("a? b", &[("a", "+x|+y"), ("b", "|-z")], "b", ""),
        ("a? b", &[("a", "+x|"), ("b", "")], "a b", ""),
        ("a; e", &[("e", "+z +y"), ("a", "-y -z")], "e a", "y: e -> 1, z: e -> 1"),
    ];
    for (text, plans, group, entries) in table {
        let outcomes = plans.iter().map(|(id, text)| ((*id).to_owned(), outcome(text)));
        let mut elements = Table { outcomes: outcomes.collect(), ..Table::default() };
        let detected = summary(detect_in(&mut elements, text).0);
        assert_eq!(detected, (group.to_owned(), entries.to_owned()), "{text} {plans:?}");
    }
}

#[test]
fn an_element_runs_once() {
    let mut table = Table { outcomes: [("b".to_owned(), Outcome::default())].into(), ..Table::default() };
    let (detected, _) = detect_in(&mut table, "a b | a c | a");
    assert_eq!(summary(detected).0, "a c");
    assert_eq!(table.runs, ["a@1", "b@1", "c@1"]);
}

#[test]
fn elements_for_another_execution_environment_are_absent() {
    let exec_env = [("a", "test"), ("b", "production"), ("c", "*")];
    let exec_env = exec_env.map(|(id, name)| (id.to_owned(), vec![name.to_owned()]));
    let mut table = Table { exec_env: exec_env.into(), ..Table::default() };
    assert_eq!(summary(detect_in(&mut table, "a b c").0).0, "b c");
    assert_eq!(table.runs, ["b@1", "c@1"]);
}

#[test]
fn targets_are_checked_for_required_elements_only() {
    let arm = crate::buildpack::target::Target { arch: "arm64".to_owned(), ..Default::default() };
    let table = || Table { targets: [("a".to_owned(), vec![arm.clone()])].into(), ..Table::default() };
    let mut required = table();
    let (detected, transcript) = detect_in(&mut required, "a b");
    assert_eq!(detected, Err(DetectionError::BuildpackErrors));
    assert_eq!(required.runs, ["b@1"]);
    assert!(transcript.contains(&"err:  a@1".to_owned()));
    assert_eq!(
        transcript[1],
        r#"unable to satisfy target os/arch constraints; run image: {"os":"linux","arch":"amd64"}, buildpack: [{"os":"","arch":"arm64"}]"#
    );
    assert_eq!(summary(detect_in(&mut table(), "a? b").0).0, "a b");
}

#[test]
fn what_cannot_run_on_the_image_is_an_error_in_every_execution_environment() {
    let arm = crate::buildpack::target::Target { arch: "arm64".to_owned(), ..Default::default() };
    let table = || Table {
        exec_env: [("a".to_owned(), vec!["test".to_owned()])].into(),
        targets: [("a".to_owned(), vec![arm.clone()])].into(),
        ..Table::default()
    };
    assert!(matches!(detect_in(&mut table(), "a b").0, Err(DetectionError::BuildpackErrors)));
    let (group, _) = summary(detect_in(&mut table(), "a? b").0);
    assert_eq!(group, "b", "an optional one is absent");
}

#[test]
fn an_element_that_cannot_be_looked_up_ends_detection() {
    let mut table = Table { missing: vec!["b".to_owned()], ..Table::default() };
    assert_eq!(detect_in(&mut table, "a b | c").0, Err(DetectionError::LookUp("no b".to_owned())));
}

#[test]
fn the_transcript_tells_the_story() {
    let mut table = Table::default();
    table.outcomes.insert("a".to_owned(), Outcome::default().with_output(b"no Gemfile\n".to_vec()));
    table.outcomes.insert("b".to_owned(), outcome("error"));
    table.outcomes.insert("long/c".to_owned(), outcome("-x|"));
    let (_, transcript) = detect_in(&mut table, "a? b? long/c d");
    let expected = [
        "======== Output: a@1 ========",
        "no Gemfile\n",
        "======== Results ========",
        "skip: a@1",
        "err:  b@1 (7)",
        "pass: long/c@1",
        "pass: d@1",
        "Resolving plan... (try #1)",
        "fail: long/c@1 requires x",
        "Resolving plan... (try #2)",
        "2 of 4 buildpacks participating",
        "long/c 1",
        "d      1",
    ];
    assert_eq!(transcript, expected);
}

#[test]
fn plans_that_say_too_much_are_refused() {
    let candidate =
        |kind| Candidate { kind, id: "x".parse().expect("an ID"), version: "1".to_owned(), optional: false };
    let versioned = Require { version: "1".to_owned(), ..Require::default() };
    let in_or = crate::buildpack::plan::PlanSection { requires: vec![versioned], provides: Vec::new() };
    let with_version = BuildPlan { or: vec![in_or], ..BuildPlan::default() };
    assert!(check_plan(&candidate(ElementKind::Buildpack), &with_version).is_err());
    assert!(check_plan(&candidate(ElementKind::Buildpack), &plan("-x +y|-z")).is_ok());
    assert!(check_plan(&candidate(ElementKind::Extension), &plan("+y|-z")).is_err());
    assert!(check_plan(&candidate(ElementKind::Extension), &plan("+y|+z")).is_ok());
}

proptest! {
    /// Whatever the plans are: every demand of who takes part is in the plan, and so is every offer.
    #[test]
    fn a_plan_has_every_demand_and_every_offer(
        plans in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(prop::collection::vec("[-+][xyz]", 0..4), 1..3)), 1..5)
    ) {
        let texts: Vec<String> = plans.iter().map(|(_, sections)| {
            sections.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join("|")
        }).collect();
        let ids = ["a", "b", "c", "d"];
        let group: Vec<String> = plans.iter().zip(ids)
            .map(|((optional, _), id)| format!("{id}{}", if *optional { "?" } else { "" })).collect();
        let mut table = Table::default();
        for (text, id) in texts.iter().zip(ids) {
            table.outcomes.insert(id.to_owned(), Outcome::pass(plan(text)));
        }
        if let Ok(Detected { group: found, plan: found_plan }) = detect_in(&mut table, &group.join(" ")).0 {
            for ((optional, _), id) in plans.iter().zip(ids) {
                prop_assert!(*optional || found.buildpacks.iter().any(|element| element.id.as_str() == id));
            }
            let names: Vec<&String> = found_plan.entries.iter().map(|entry| &entry.requires[0].name).collect();
            prop_assert!(names.is_sorted());
            for entry in &found_plan.entries {
                prop_assert!(!entry.providers.is_empty());
                let name = &entry.requires[0].name;
                prop_assert!(entry.requires.iter().all(|require| require.name == *name));
                for provider in &entry.providers {
                    prop_assert!(found.buildpacks.iter().any(|element| element.id == provider.id));
                    let index = ids.iter().position(|id| *id == provider.id.as_str()).expect("a known ID");
                    let offer = format!("+{name}");
                    prop_assert!(texts[index].contains(&offer));
                }
            }
        }
    }
}
