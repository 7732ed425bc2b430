import Foundation
import Testing

/// The examples of docs/clients.md, as somebody would type them.
private struct Recipe {
  var commands: String
  /// Nil if the page does not say.
  var output: String?

  static var repository: URL {
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
  }

  /// Every block marked `sh`, with the block marked `text` that follows it at once.
  static func all() throws -> [Recipe] {
    let page = try String(
      contentsOf: repository.appending(path: "docs/clients.md"), encoding: .utf8)
    return page.components(separatedBy: "\n```sh\n").dropFirst().map { rest in
      let blocks = rest.components(separatedBy: "```")
      let isShown = blocks.count > 2 && blocks[1] == "\n" && blocks[2].hasPrefix("text\n")
      return Recipe(
        commands: blocks[0], output: isShown ? String(blocks[2].dropFirst("text\n".count)) : nil)
    }
  }

  /// A program that it needs and that is not installed.
  var missingProgram: String? {
    ["nc", "curl", "python3", "gzip"].first { program in
      commands.contains("\(program) ") && !Recipe.isInstalled(program)
    }
  }

  private static func isInstalled(_ program: String) -> Bool {
    (try? TallyProcess.shell("command -v \(program)").status) == 0
  }

  /// What differs from run to run is written `_`.
  static func masked(_ text: String) -> String {
    text.replacing(/\b(ms|read_bytes|lsn)=[0-9.]+/) { "\($0.1)=_" }
      .replacing(/"(ms|read_bytes|lsn)":[0-9.]+/) { "\"\($0.1)\":_" }
      .replacing(/"id":"[^"]*"/, with: "\"id\":\"_\"")
  }
}

@Suite("recipes for clients") struct ClientRecipeTests {
  @Test func `every example prints what the page says`() throws {
    let scratch = try ScratchFolder()
    let server = try ServerProcess(
      scratch.url.appending(path: "usage.tally"), ["--http", "127.0.0.1:0"])
    let httpPort = try #require(server.httpPort)
    let recipes = try Recipe.all()
    #expect(recipes.count >= 7)
    for recipe in recipes {
      if let program = recipe.missingProgram {
        print("skipped: \(program) is not installed")
        continue
      }
      let commands = recipe.commands.replacing("127.0.0.1:6480", with: server.address)
        .replacing("127.0.0.1 6480", with: "127.0.0.1 \(server.port)")
        .replacing("\"127.0.0.1\", 6480", with: "\"127.0.0.1\", \(server.port)")
        .replacing("127.0.0.1:6481", with: "127.0.0.1:\(httpPort)")
      let run = try TallyProcess.shell(
        "cd '\(scratch.url.path)'; ln -sfn '\(Recipe.repository.path)/Samples' Samples\n"
          + commands)
      let expected = try #require(recipe.output, "no output is shown of\n\(recipe.commands)")
      #expect(Recipe.masked(run.output) == expected, "\(recipe.commands)")
    }
  }
}

extension ServerProcess {
  var address: String { "127.0.0.1:\(port)" }

  /// Where HTTP is answered; nil if it is not.
  var httpPort: Int? {
    greeting.firstMatch(of: /http on [0-9.]+:(\d+)/).flatMap { Int($0.1) }
  }
}
