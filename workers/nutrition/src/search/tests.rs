//! What somebody must find, by what they write.

use proptest::prelude::*;

use super::*;
use crate::catalogue;

fn search() -> Search {
    Search::new(catalogue::built_in().unwrap())
}

fn names(query: &str) -> Vec<String> {
    search().find(query, USUAL_LIMIT).into_iter().map(|food| food.name.clone()).collect()
}

#[track_caller]
fn finds_first(table: &[(&str, &str)]) {
    let search = search();
    let wrong: Vec<_> = table
        .iter()
        .filter_map(|(query, expected)| {
            let first = search.find(query, 1).first().map_or("nothing", |food| food.name.as_str());
            (first != *expected).then(|| format!("{query:?} finds {first:?} first, not {expected:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_thing_itself_comes_before_what_is_made_of_it() {
    finds_first(&[
        ("apple", "Apple"),
        ("banana", "Banana"),
        ("orange", "Orange"),
        ("peach", "Peach"),
        ("grapes", "Grapes"),
        ("tomato", "Tomato"),
        ("carrot", "Carrots"),
        ("potato", "Potato, baked with skin"),
        ("sweet potato", "Sweet Potato, baked"),
        ("broccoli", "Broccoli"),
        ("corn", "Sweet Corn, boiled"),
        ("butter", "Butter"),
        ("peanut butter", "Peanut Butter"),
        ("milk", "Milk, whole"),
        ("egg", "Egg, boiled"),
        ("chicken", "Chicken Breast, roasted"),
        ("turkey", "Turkey Breast, roasted"),
        ("beef", "Ground Beef, cooked"),
        ("salmon", "Salmon, baked"),
        ("tuna", "Tuna, canned in water"),
        ("almond", "Almonds"),
        ("sugar", "Sugar"),
        ("honey", "Honey"),
        ("water", "Water"),
        ("yogurt", "Yogurt, plain, low fat"),
        ("cottage cheese", "Cottage Cheese, low fat"),
        ("cream cheese", "Cream Cheese"),
        ("ice cream", "Vanilla Ice Cream"),
        ("brown rice", "Brown Rice"),
    ]);
}

#[test]
fn everyday_names_are_understood() {
    finds_first(&[
        ("rice", "White Rice"),
        ("bread", "White Bread"),
        ("toast", "White Bread, toasted"),
        ("oatmeal", "Oatmeal, cooked with water"),
        ("porridge", "Oatmeal, cooked with water"),
        ("tea", "Tea, black"),
        ("cup of tea", "Tea, black"),
        ("a glass of milk", "Milk, whole"),
        ("coffee", "Coffee, black"),
        ("decaf", "Coffee, decaffeinated"),
        ("oj", "Orange Juice"),
        ("juice", "Orange Juice"),
        ("cheese", "Cheddar Cheese"),
        ("cereal", "Corn Flakes"),
        ("pasta", "Pasta, cooked"),
        ("spaghetti", "Pasta, cooked"),
        ("soup", "Chicken Noodle Soup"),
        ("broth", "Chicken Broth"),
        ("fries", "French Fries"),
        ("burger", "Hamburger"),
        ("hot dog", "Hot Dog, without bun"),
        ("mac and cheese", "Macaroni and Cheese"),
        ("pizza", "Cheese Pizza"),
        ("sandwich", "Ham Sandwich"),
        ("jello", "Gelatin Dessert"),
        ("soda", "Cola"),
        ("wine", "Red Wine"),
        ("mayo", "Mayonnaise"),
        ("courgette", "Zucchini, boiled"),
        ("aubergine", "Eggplant, boiled"),
        ("prawns", "Shrimp, boiled"),
        ("scrambled eggs", "Egg, scrambled"),
        ("boiled egg", "Egg, boiled"),
        ("roast chicken", "Chicken Breast, roasted"),
        ("skim milk", "Milk, skim"),
        ("whole milk", "Milk, whole"),
        ("salad", "Lettuce, iceberg"),
        ("yam", "Sweet Potato, baked"),
        ("dried plums", "Prunes"),
        ("nuts", "Mixed Nuts"),
        ("fish", "Salmon, baked"),
    ]);
}

#[test]
fn case_number_and_accents_do_not_matter() {
    finds_first(&[
        ("APPLE", "Apple"),
        ("apples", "Apple"),
        ("Eggs", "Egg, boiled"),
        ("strawberry", "Strawberries"),
        ("potatoes", "Potato, baked with skin"),
        ("tomatoes", "Tomato"),
        ("BROWN RICE", "Brown Rice"),
        ("  banana ", "Banana"),
        ("cookies", "Chocolate Chip Cookie"),
        ("pancake", "Pancakes"),
        ("pea", "Green Peas, boiled"),
        ("purée of apple", "Applesauce, unsweetened"),
    ]);
}

#[test]
fn small_misspellings_are_forgiven() {
    finds_first(&[
        ("bananna", "Banana"),
        ("brocoli", "Broccoli"),
        ("brocolli", "Broccoli"),
        ("yoghurt", "Yogurt, plain, low fat"),
        ("yougurt", "Yogurt, plain, low fat"),
        ("tomatos", "Tomato"),
        ("potatoe", "Potato, baked with skin"),
        ("chiken", "Chicken Breast, roasted"),
        ("spagetti", "Pasta, cooked"),
        ("omlette", "Omelet"),
        ("avacado", "Avocado"),
        ("lettuse", "Lettuce, iceberg"),
        ("strawbery", "Strawberries"),
        ("rasberries", "Raspberries"),
        ("mayonaise", "Mayonnaise"),
        ("zuchini", "Zucchini, boiled"),
        ("brown rise", "Brown Rice"),
        ("cofee", "Coffee, black"),
        ("lasanga", "Lasagna with Meat Sauce"),
        ("vegtables", "Mixed Vegetables, frozen, boiled"),
    ]);
}

#[test]
fn the_beginning_of_a_word_is_enough() {
    finds_first(&[
        ("strawb", "Strawberries"),
        ("brocc", "Broccoli"),
        ("chick br", "Chicken Breast, roasted"),
        ("oatm", "Oatmeal, cooked with water"),
        ("almo", "Almonds"),
    ]);
}

#[test]
fn a_category_lists_its_plain_foods_first() {
    let fruit = names("FRUIT");
    assert_eq!(fruit[..3], ["Apple", "Banana", "Orange"]);
    assert!(names("vegetable").contains(&"Carrots".to_owned()));
    assert_eq!(names("beverages")[0], "Water");
}

#[test]
fn what_is_made_of_it_follows_and_what_is_plain_comes_first() {
    let apple = names("apple");
    assert!(
        apple.iter().any(|name| name == "Apple Pie") && apple.iter().any(|name| name == "Apple Juice"),
        "{apple:?}"
    );
    let chicken = names("chicken");
    let place = |name: &str| chicken.iter().position(|found| found == name);
    assert!(place("Chicken Thigh, roasted") < place("Fried Chicken, breast with skin"), "{chicken:?}");
    assert!(place("Chicken Thigh, roasted") < place("Chicken Nuggets"), "{chicken:?}");
    let rice = names("rice");
    assert!(rice.iter().position(|found| found == "Brown Rice") < rice.iter().position(|found| found == "Rice Cake"));
}

#[test]
fn a_part_of_a_word_is_found_as_existing_clients_expect() {
    assert!(names("pple").contains(&"Apple".to_owned()));
    assert!(names("cado").contains(&"Avocado".to_owned()));
}

#[test]
fn a_word_too_many_does_not_hide_the_food() {
    finds_first(&[
        ("raw apple", "Apple"),
        ("organic banana", "Banana"),
        ("quaker oatmeal", "Oatmeal, cooked with water"),
    ]);
}

#[test]
fn what_is_not_there_is_not_found() {
    for query in ["zzzz", "goat", "_", "!!!", ""] {
        assert_eq!(names(query), Vec::<String>::new(), "{query:?}");
    }
}

#[test]
fn a_limit_is_kept() {
    assert_eq!(search().find("fruit", 1).len(), 1);
    assert_eq!(search().find("fruit", 0).len(), 0);
}

#[test]
fn every_food_is_found_first_by_its_own_name() {
    let search = search();
    for entry in &search.entries {
        assert_eq!(search.find(&entry.food.name, 1), [&entry.food]);
        assert_eq!(search.named(&entry.food.name.to_uppercase()), Some(&entry.food));
    }
}

#[test]
fn every_alias_finds_its_food_among_the_first() {
    let search = search();
    for entry in &search.entries {
        for alias in &entry.food.aliases {
            let first = search.find(alias, 3);
            assert!(
                first.contains(&&entry.food),
                "{alias:?} finds {:?}",
                first.iter().map(|f| &f.name).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn one_wrong_letter_inside_a_long_name_still_finds_the_food() {
    let search = search();
    let long = search.entries.iter().filter(|entry| entry.name.len() == 1 && entry.food.name.len() >= 7);
    for Entry { food, .. } in long {
        for place in 1..food.name.len() {
            let mut misspelled = food.name.to_lowercase();
            misspelled.replace_range(place..=place, "z");
            let found = search.find(&misspelled, 3);
            assert!(found.contains(&food), "{misspelled:?} finds {:?}", found.first().map(|food| &food.name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_query_is_too_strange(query in any::<String>()) {
        prop_assert!(search().find(&query, USUAL_LIMIT).len() <= USUAL_LIMIT);
    }
}
