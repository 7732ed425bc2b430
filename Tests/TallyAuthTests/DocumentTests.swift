import Foundation
import TallyAuth
import Testing

/// The tables of the documents are those of the code.
@Suite struct DocumentTests {
  private func lines(_ name: String) throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "docs/\(name)"), encoding: .utf8)
    return text.components(separatedBy: "\n")
  }

  @Test func everyRouteNeedsWhatItsDocumentSays() throws {
    var documented: Set<AccessTable.Route> = []
    for line in try lines("http-api.md") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3, cells[0].hasPrefix("`") else { continue }
      let requirement: Requirement
      if cells[2] == "none" {
        requirement = .none
      } else if let scope = Scope(name: cells[2].replacing("`", with: "")) {
        requirement = .scope(scope)
      } else {
        continue
      }
      var method = ""
      var path = ""
      for match in cells[0].matches(of: /`(?:(GET|POST|DELETE) ?)?(\/[^`]*)?`/) {
        if let found = match.1 { method = String(found) }
        if let found = match.2 { path = String(found) }
        documented.insert(
          AccessTable.Route(method: method, path: path, requirement: requirement))
      }
    }
    #expect(documented.count == AccessTable.routes.count)
    #expect(documented == Set(AccessTable.routes))
  }

  @Test func everyVerbNeedsWhatItsDocumentSays() throws {
    var documented: [String: Requirement] = [:]
    for line in try lines("auth.md") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 3 else { continue }
      let requirement: Requirement
      switch cells[0] {
      case "any token": requirement = .token
      case "no token": requirement = .none
      default:
        guard let scope = Scope(name: cells[0].replacing("`", with: "")) else { continue }
        requirement = .scope(scope)
      }
      for match in cells[1].matches(of: /\b[A-Z]{3,}\b/) {
        // With a key CANCEL needs no token; without one it does.
        if let known = documented[String(match.0)], known == .token { continue }
        documented[String(match.0)] = requirement
      }
    }
    documented["STATUS"] = .token
    #expect(documented == AccessTable.verbs)
  }
}
