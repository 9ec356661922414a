import Contracts
import Inference
import Languages

/// A part of a request that gets an answer, and what becomes of it.
public struct RoutedItem: Sendable {
    /// What is done about the item besides the tasks that it goes to.
    public enum Rest: Sendable, Hashable {
        /// Nothing. Its tasks are all that it gets.
        case nothing
        /// The router answers that it fits no task.
        case noRoute
        /// The full model says where it belongs.
        case fullModel
        /// Nobody was cut for its language.
        case unsupportedLanguage(String)
    }

    /// With what stands around it, if the full model is asked.
    public let item: Item
    public let prediction: Prediction
    /// The tasks that the item goes to at once.
    public let routes: [Route]
    public let rest: Rest
    /// What the router would answer if nobody else were asked; `nil` if somebody is not, or if it could not read the item.
    public let guess: Answer?
    /// The parts that the router found, more than one if the full model is to say how they are cut; none if the item
    /// is a whole text.
    public let parts: [ReadItem]
    /// The number of the source: 0 is the request's own text.
    public let source: Int
    /// Whether the full model is to say how the item is cut.
    public let isUncut: Bool
}

/// Where an item goes, by the router's own head and by the route heads of the catalog.
///
/// Route heads only add. What the router's own head says about its own tasks stays as it is without them: a sure
/// answer, and a question for the full model. Only its `none` ends where a route head accepts the item.
/// - Source: decision 50
struct ItemRouting {
    let routes: [Route]
    let rest: RoutedItem.Rest

    init(_ prediction: Prediction, of text: String, isUncut: Bool, _ catalog: Catalog) {
        let own = catalog.routes(in: prediction.label), added = prediction.addedRoutes.filter { catalog[$0] != nil }
        let sure = (prediction.isSure ? own : []) + added.filter { !prediction.isSure || !own.contains($0) }
        let guessed = own.isEmpty ? added : own
        if sure.isEmpty, let language = Self.foreignLanguage(of: text, guessed, catalog) {
            (routes, rest) = ([], .unsupportedLanguage(language))
            return
        }
        routes = isUncut ? [] : sure
        if isUncut {
            rest = .fullModel
        } else if !sure.isEmpty, prediction.isSure || own.isEmpty {
            rest = .nothing
        } else {
            rest = prediction.isSure ? .noRoute : .fullModel
        }
    }

    /// Returns the language of an item that nobody is sure of, if it is that of no capability. A sure route is followed:
    /// its worker decides. So is a guess at a task whose items are in no language, since the full model may confirm it.
    private static func foreignLanguage(of text: String, _ guessed: [Route], _ catalog: Catalog) -> String? {
        guard guessed.allSatisfy({ catalog[$0]?.unit.hasLanguage ?? true }),
            case .unsupported(let language) = catalog.languageVerdict(onUnrouted: text)
        else { return nil }
        return language
    }
}
