import TallyHTTP
import Testing

@Suite("series that do not fall")
struct SeriesTableTests {
  private static func shown(_ table: SeriesTable) -> [String: [Int128]] {
    Dictionary(
      uniqueKeysWithValues: table.shown.map {
        ($0.key?.joined(separator: "/") ?? "others", $0.values)
      })
  }

  @Test func `what is erased stays counted, and what comes after is added`() {
    var table = SeriesTable()
    table.update([(["a"], [10, 100]), (["b"], [5, 50])], total: [15, 150], isWhole: true)
    #expect(Self.shown(table) == ["a": [10, 100], "b": [5, 50]])
    // Some of a is erased, and b as a whole.
    table.update([(["a"], [7, 70])], total: [7, 70], isWhole: true)
    #expect(Self.shown(table) == ["a": [10, 100], "b": [5, 50]])
    table.update([(["a"], [8, 75]), (["b"], [1, 1])], total: [9, 76], isWhole: true)
    #expect(Self.shown(table) == ["a": [11, 105], "b": [6, 51]])
  }

  @Test func `a key never moves into a row of its own or out of it`() {
    var table = SeriesTable()
    let many = (0..<120).map { (key: ["k\($0)"], values: [Int128(1_000 - $0)]) }
    let total = many.reduce(Int128(0)) { $0 + $1.values[0] }
    table.update(many, total: [total], isWhole: true)
    let before = Self.shown(table)
    #expect(before.count == 101 && before["k99"] != nil && before["k100"] == nil)
    // The last has become the first.
    var turned = many
    turned[119].values[0] = 9_000
    turned.sort { $0.values[0] > $1.values[0] }
    table.update(turned, total: [total + 9_000 - 881], isWhole: true)
    let after = Self.shown(table)
    #expect(after.keys.sorted() == before.keys.sorted())
    #expect(after["k0"] == before["k0"])
    #expect(after["others"] == before["others"].map { [$0[0] + 9_000 - 881] })
    #expect(after.values.reduce(Int128(0)) { $0 + $1[0] } == total + 9_000 - 881)
  }

  @Test func `groups that were not looked at keep what they had`() {
    var table = SeriesTable()
    table.update([(["a"], [10]), (["b"], [5])], total: [15], isWhole: false)
    table.update([(["a"], [12])], total: [18], isWhole: false)
    #expect(Self.shown(table) == ["a": [12], "b": [5], "others": [1]])
  }
}
