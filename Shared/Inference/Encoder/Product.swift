import COneDNN

/// `s32[rows, outputs] = u8[rows, inputs] x s8[inputs, outputs]`, compiled for one shape, with the weights in whatever
/// layout oneDNN likes best.
final class Product {
    let shape: OneDNN.Shape
    private(set) var weightsLayout = dnnl_memory_desc_t()
    private var primitive: dnnl_primitive_t?
    private var source: dnnl_memory_t?
    private var sums: dnnl_memory_t?
    /// Source, weights, sums; kept so that a call builds nothing.
    private let arguments: UnsafeMutablePointer<dnnl_exec_arg_t>

    init(_ shape: OneDNN.Shape, engine: dnnl_engine_t) throws(InferenceError) {
        self.shape = shape
        arguments = .allocate(capacity: 3)
        arguments.initialize(repeating: dnnl_exec_arg_t(), count: 3)
        let rows = dnnl_dim_t(shape.rows), inputs = dnnl_dim_t(shape.inputs), outputs = dnnl_dim_t(shape.outputs)
        var sourceLayout = try layout(rows, inputs, dnnl_u8, dnnl_ab)
        var sumsLayout = try layout(rows, outputs, dnnl_s32, dnnl_ab)
        var anyLayout = try layout(inputs, outputs, dnnl_s8, dnnl_format_tag_any)
        var operation = dnnl_matmul_desc_t(), description: dnnl_primitive_desc_t?
        try check(dnnl_matmul_desc_init(&operation, &sourceLayout, &anyLayout, nil, &sumsLayout), "product")
        try check(dnnl_primitive_desc_create(&description, &operation, nil, engine, nil), "product")
        defer { dnnl_primitive_desc_destroy(description) }
        try check(dnnl_primitive_create(&primitive, description), "product")
        guard let wanted = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0) else {
            throw InferenceError(.compute, "oneDNN names no layout for the weights")
        }
        weightsLayout = wanted.pointee
        try check(dnnl_memory_create(&source, &sourceLayout, engine, nil), "source")
        try check(dnnl_memory_create(&sums, &sumsLayout, engine, nil), "sums")
    }

    deinit {
        dnnl_memory_destroy(source)
        dnnl_memory_destroy(sums)
        dnnl_primitive_destroy(primitive)
        arguments.deallocate()
    }

    func run(
        _ weights: PackedWeights, _ input: UnsafeMutablePointer<UInt8>, _ output: UnsafeMutablePointer<Int32>,
        _ stream: dnnl_stream_t
    ) throws(InferenceError) {
        try check(dnnl_memory_set_data_handle(source, input), "source")
        try check(dnnl_memory_set_data_handle(sums, output), "sums")
        arguments[0] = dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: source)
        arguments[1] = dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: weights.memory)
        arguments[2] = dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: sums)
        try check(dnnl_primitive_execute(primitive, stream, 3, arguments), "product")
    }
}

func layout(
    _ rows: dnnl_dim_t, _ columns: dnnl_dim_t, _ type: dnnl_data_type_t, _ tag: dnnl_format_tag_t
) throws(InferenceError) -> dnnl_memory_desc_t {
    var extents = [dnnl_dim_t](repeating: 0, count: Int(DNNL_MAX_NDIMS))
    (extents[0], extents[1]) = (rows, columns)
    var layout = dnnl_memory_desc_t()
    try check(dnnl_memory_desc_init_by_tag(&layout, 2, extents, type, tag), "layout")
    return layout
}
