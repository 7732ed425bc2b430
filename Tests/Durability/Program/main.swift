import DurabilityKit
import Foundation
import SystemPackage
import TallyFile

/// `TallyDurability power | crash | race | fill DIRECTORY | soak | calls | faults | damage`: runs
/// that try to make a store lose something. `child` is the process that `crash` kills.
///
/// Settings come from the environment; see docs/TESTING.md.
let arguments = Array(CommandLine.arguments.dropFirst())
do {
  let isFine =
    switch arguments.first {
    case "power": try Programs.power()
    case "crash": try Programs.crash()
    case "race": try Programs.race()
    case "race-child":
      { () -> Bool in
        RaceRun.child(Array(arguments.dropFirst()))
        return true
      }()
    case "child": try Programs.child(Array(arguments.dropFirst()))
    case "fill" where arguments.count == 2: try Programs.fill(FilePath(arguments[1]))
    case "soak": try Programs.soak()
    case "calls": try Programs.calls()
    case "faults": try Programs.faults()
    case "damage": try Programs.damage()
    default: Programs.usage()
    }
  exit(isFine ? 0 : 1)
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}
