//! What docs/json.md says of objects, and whether objects are so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A row of a table.
pub struct Field {
    types: Vec<String>,
    always: bool,
}

/// The fields of each kind of object, by their paths.
pub fn documented() -> BTreeMap<String, BTreeMap<String, Field>> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md")).unwrap();
    let mut kinds: BTreeMap<String, BTreeMap<String, Field>> = BTreeMap::new();
    let mut kind = String::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut kind);
        }
        let Some(row) = line.strip_prefix("| `") else { continue };
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let name = cells[0].trim_end_matches('`').to_owned();
        let types = cells[1].split(" or ").map(str::to_owned).collect();
        let known = kinds.entry(kind.clone()).or_default();
        assert!(known.insert(name, Field { types, always: cells[2] == "always" }).is_none(), "{line}");
    }
    kinds
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(map) if map.keys().eq(["max", "median", "min"]) => "spread",
        Value::Object(_) => "object",
    }
}

/// Checks a value and what is in it, and notes the paths that were met.
fn check(path: &str, value: &Value, fields: &BTreeMap<String, Field>, met: &mut BTreeSet<String>) {
    // A row for null is about when there is nothing.
    if let Some(field) = fields.get(path).filter(|field| field.types != ["null"] || value.is_null()) {
        let found = type_of(value);
        assert!(field.types.iter().any(|wanted| wanted == found), "{path} is {found}: {value}");
        met.insert(path.to_owned());
    }
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        _ if type_of(value) == "spread" => {
            assert!(fields.contains_key(path), "{path} is not in docs/json.md");
        }
        Value::Object(map) => {
            for (name, value) in map {
                let any = below("*");
                let free = fields.keys().any(|known| known == &any || known.starts_with(&format!("{any}.")));
                check(&if free { any } else { below(name) }, value, fields, met);
            }
        }
        Value::Array(values) if fields.keys().any(|known| known.starts_with(&format!("{path}[]"))) => {
            for value in values {
                check(&format!("{path}[]"), value, fields, met);
            }
        }
        _ => assert!(fields.contains_key(path), "{path} is not in docs/json.md: {value}"),
    }
}

/// Checks objects, and gives their kinds.
pub fn checked(objects: &[Value]) -> BTreeSet<String> {
    let kinds = documented();
    let mut seen = BTreeSet::new();
    for object in objects {
        let mut object = object.clone();
        let map = object.as_object_mut().unwrap();
        assert_eq!(map.remove("schema_version"), Some(1.into()));
        let kind = map.remove("kind").and_then(|kind| Some(kind.as_str()?.to_owned())).unwrap();
        let fields = kinds.get(&kind).unwrap_or_else(|| panic!("{kind} is not in docs/json.md"));
        let mut met = BTreeSet::new();
        check("", &object, fields, &mut met);
        for (name, _) in fields.iter().filter(|(_, field)| field.always) {
            // What is always in a list is not there if the list is empty.
            let list = name.split("[]").next().unwrap_or_default();
            let empty = object.get(list).is_none_or(|value| value.as_array().is_some_and(Vec::is_empty));
            assert!(met.contains(name) || (name.contains("[]") && empty), "{kind}: no {name} in {object}");
        }
        seen.insert(kind);
    }
    seen
}
