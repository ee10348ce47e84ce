//! What comes next.

use super::World;
use crate::ids::Timestamp;
use crate::outlook::CycleOutlook;
use crate::settings::Settings;

#[test]
fn zones_with_wallets_are_shown_by_the_ends_of_their_days() {
    let mut world = World::new(Settings::default());
    assert_eq!(world.engine.day_boundaries(world.now), []);
    world.check(
        "open a
         open b zone=America/New_York
         open c zone=Asia/Kathmandu
         open d zone=Asia/Kathmandu
         open e zone=Africa/Abidjan
         move b UTC",
    );
    let shown: Vec<_> =
        world.engine.day_boundaries(world.now).into_iter().map(|zone| (zone.zone, zone.wallets)).collect();
    let expected = [("Asia/Kathmandu".to_owned(), 2), ("Africa/Abidjan".to_owned(), 1), ("UTC".to_owned(), 2)];
    assert_eq!(shown, expected, "by name where they end together; no zone without wallets");
    let first = world.engine.day_boundaries(world.now).remove(0);
    assert_eq!(first.today.ends_at, super::world::instant("2026-03-10T18:15:00Z"));
}

#[test]
fn cycles_are_counted_by_when_they_end() {
    let mut world = World::new(Settings::default());
    let outlook = |world: &World| {
        let mut outlook = CycleOutlook::new(world.now);
        while !world.engine.scan_cycles(&mut outlook, 2) {}
        (outlook.earliest, outlook.in_hour, outlook.in_day)
    };
    world.check("open a\nopen b\nopen c\nopen d\nopen e");
    assert_eq!(outlook(&world), (Timestamp::NEVER, 0, 0));
    for line in [
        "subscribe a 50 until=2026-03-10T13:00:00Z",
        "subscribe b 50 until=2026-03-10T13:00:01Z",
        "subscribe c 50 until=2026-03-11T12:00:00Z",
        "subscribe d 50 until=2026-03-11T12:00:01Z",
    ] {
        world.check_line(line);
    }
    assert_eq!(outlook(&world), (super::world::instant("2026-03-10T13:00:00Z"), 1, 3));
    world.check_line("at 2026-03-10T13:30:00Z");
    assert_eq!(outlook(&world), (super::world::instant("2026-03-10T13:00:00Z"), 2, 4), "what is due counts");
}
