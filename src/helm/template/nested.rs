//! What lists and maps hold. Values can hold each other to any depth, so they are not dropped by recursion: that would overflow the stack.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;

use super::text::Text;
use super::value::Value;

/// The items of a list.
#[derive(Debug, Default)]
pub struct Items(Vec<Value>);

impl Items {
    /// These items.
    pub fn new(items: Vec<Value>) -> Self {
        Self(items)
    }
}

impl Deref for Items {
    type Target = Vec<Value>;

    fn deref(&self) -> &Vec<Value> {
        &self.0
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        if self.0.iter().any(is_nested) {
            drop_all(std::mem::take(&mut self.0));
        }
    }
}

/// The entries of a map.
pub(super) struct Entries(RefCell<BTreeMap<Text, Value>>);

impl Entries {
    pub(super) fn new(entries: BTreeMap<Text, Value>) -> Self {
        Self(RefCell::new(entries))
    }

    pub(super) fn borrow(&self) -> Ref<'_, BTreeMap<Text, Value>> {
        self.0.borrow()
    }

    pub(super) fn borrow_mut(&self) -> RefMut<'_, BTreeMap<Text, Value>> {
        self.0.borrow_mut()
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        let entries = self.0.get_mut();
        if entries.values().any(is_nested) {
            drop_all(std::mem::take(entries).into_values().collect());
        }
    }
}

fn is_nested(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_))
}

/// Drops values and everything that only they hold, one after the other.
fn drop_all(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut items) = Rc::into_inner(list.items) {
                    values.append(&mut items.0);
                }
            }
            Value::Map(map) => {
                if let Some(mut entries) = map.into_last() {
                    values.extend(std::mem::take(entries.0.get_mut()).into_values());
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::helm::template::value::{List, Map, Value};

    #[test]
    fn a_million_lists_and_maps_in_each_other_are_dropped() {
        let mut value = Value::Nil;
        for index in 0..1_000_000 {
            value = if index % 2 == 0 {
                Value::List(List::new(vec![value, Value::Bool(true)]))
            } else {
                Value::Map([("k".into(), value)].into_iter().collect::<Map>())
            };
        }
        let shared = value.clone();
        drop(value);
        assert!(shared.truth());
    }
}
