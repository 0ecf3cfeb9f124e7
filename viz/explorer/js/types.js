// The types that the modules share, for tsc and editors; a browser never loads this file.
// ViewFields, Measure, Figure, SavedFigure, ByDirection, Percent, Wording and Header are viz/explorer/header.py's
// TypedDicts of these names, PairFields and PairHeader those of viz/explorer/compared.py, and a test compares them.

/** @typedef {Record<string, string>} About What a picture is of, by name. */

/**
 * All that can be chosen about a recording's picture.
 * @typedef {object} ViewFields
 * @property {number} layer
 * @property {number} head
 * @property {number} query the pinned token
 * @property {"head" | "heads" | "layer" | "all"} scope one head, or made one: the chosen ones, the layer's, all
 * @property {"mean" | "max"} reduction how they are made one; always "mean" where the scope is "head"
 * @property {"at" | "by"} direction what the query looks at, or by what it is looked at
 * @property {boolean} log
 * @property {string} order of the heads in the grid: "layer", "key", or the key of a Measure
 * @property {boolean} placed heads stay by layer and head, coloured by what order measures
 * @property {number} key what order "key" measures: the weight that the query gives to this token
 * @property {boolean} shared one colour scale for all heads of the grid
 * @property {"crisp" | "smooth"} edges
 * @property {number} strength per cent
 * @property {boolean} matrix the full matrix is unfolded
 * @property {number[]} queries the chosen ones, sorted, the query among them; none where it is alone
 * @property {[number, number][]} heads the chosen ones, sorted, layer and head among them; none where it is alone
 * @property {boolean} pick a key is being chosen; the server always sends false
 */

/**
 * What heads can be ordered and coloured by.
 * @typedef {object} Measure
 * @property {string} key the value of "order" in a view
 * @property {string} name
 * @property {string} definition
 * @property {string} source
 * @property {boolean} share it is from 0 to 1
 */

/**
 * The figure of the matrix without its weights.
 * @typedef {object} Figure
 * @property {Record<string, string>} about the model and the program, for its metadata
 * @property {Record<string, unknown>[]} data
 * @property {Record<string, unknown>} layout
 * @property {string} name of the file when it is saved
 */

/**
 * A figure that is to be saved.
 * @typedef {object} SavedFigure
 * @property {Record<string, string>} about
 * @property {Record<string, unknown>} figure
 * @property {string} name of the file, without its ending
 * @property {string} format "png" or "svg"
 * @property {number} width pixels
 * @property {number} height
 * @property {unknown} at the time at which it was asked for: each is saved once
 */

/**
 * @typedef {object} ByDirection
 * @property {string} at
 * @property {string} by
 */

/**
 * How a weight is written.
 * @typedef {object} Percent
 * @property {string} zero
 * @property {number} least a smaller weight is written as `below`
 * @property {string} below
 * @property {number[]} limits each that a weight is smaller than adds a decimal
 * @property {string} unit
 */

/**
 * Templates that ./words.js fills in.
 * @typedef {object} Wording
 * @property {Record<string, string>} who {layer}, {head}, or {count}, {heads}
 * @property {string} head {layer}, {head}: each of {heads}
 * @property {Record<string, string>} role {layer}, {head}, {role}: what a head is called after: "one", or of "several"
 * @property {ByDirection} what {name}
 * @property {ByDirection} several {names}, {count}: the same of several tokens
 * @property {string} title {who}, {what}
 * @property {string} patch {name}
 * @property {string} patches {first}, {last}, {rows}, {columns}
 * @property {string} named how what has a position in the picture is called
 * @property {string} token {name}
 * @property {string} placed {name}, {position}
 * @property {string} nothing what a query looks at that gives no weight
 * @property {string} over why a weight is above 100 %
 * @property {string[]} unquoted special tokens that start with one of these stand as they are
 * @property {ByDirection} special {percent}, {name}
 * @property {Percent} percent
 */

/**
 * All that the server sends besides arrays.
 * @typedef {object} Header
 * @property {string} id of the recording
 * @property {ViewFields} view
 * @property {Wording} wording
 * @property {string[]} tokens as they are shown
 * @property {number[]} isolate tokens that read from right to left
 * @property {number[]} special [token] 0 or 1
 * @property {"token" | "residue" | "word"} unit what a position of a text stands for
 * @property {number[]} wordIds [token] which word each is part of; -1: of none
 * @property {number[][] | null} groups of words: the tokens of each, which the arrays of one head are of
 * @property {number} prefix tokens before the patches
 * @property {number[] | null} grid rows and columns of the patches; null for a text
 * @property {number | null} aspect width / height of the photo
 * @property {number} layers
 * @property {number} heads
 * @property {number} scale of the scores of the view's layer
 * @property {number | null} softcap
 * @property {boolean} causal
 * @property {number | null} side cells along each side of a text's tile
 * @property {boolean} sent the arrays that are the same in every view of the recording are left out
 * @property {[number, number, number | null][]} order layer, head and measure, as the heads stand in the grid
 * @property {Measure[]} measures
 * @property {string} why why heads rest on special tokens
 * @property {string} role what the head is called after; empty where it is still to come
 * @property {string} words the head in words; empty where it is still to come
 * @property {boolean} more there is more to ask for
 * @property {string} link what the page says of its address
 * @property {Figure | null} figure
 * @property {string} matrixNote
 * @property {string} gridNote
 * @property {SavedFigure | null} save
 */

/**
 * What is chosen about a head of A beside one of B.
 * @typedef {object} PairFields
 * @property {number | null} query of A; null: the one that corresponds to B's
 * @property {number | null} query2 of B; null: the one that corresponds to A's
 * @property {"at" | "by"} direction
 * @property {"crisp" | "smooth"} edges
 * @property {number} strength
 * @property {boolean} matrix
 */

/**
 * All that the server sends of two heads side by side, besides arrays.
 * @typedef {object} PairHeader
 * @property {string} id
 * @property {PairFields} view
 * @property {Header[]} sides of A and of B
 * @property {string[]} names of the places, which the positions of both are in
 * @property {number[]} special [place] 0 or 1
 * @property {boolean} sent the arrays and the matrices are left out
 * @property {Figure[]} matrices of A, of B and of A − B
 * @property {string} matrixNote
 */

/**
 * Which positions are in which places, and which correspond.
 * @typedef {object} PairArrays
 * @property {Int32Array} placeA [entry]
 * @property {Int32Array} placeB [entry]
 * @property {Int32Array} positionA [entry]
 * @property {Int32Array} positionB [entry]
 * @property {Float32Array} shareA [entry] of the position that is in the place
 * @property {Float32Array} shareB [entry]
 * @property {Int32Array} mainA [position] the place that it is in
 * @property {Int32Array} mainB [position]
 * @property {Int32Array} partnerA [position] of B, or -1
 * @property {Int32Array} partnerB [position] of A, or -1
 * @property {Float32Array} [boxes] [place, 4] of photos: top, left, bottom, right, as shares of A's picture
 * @property {Float32Array} [weightsA] [place, place]
 * @property {Float32Array} [weightsB] [place, place]
 */

/**
 * The arrays of a payload. Which of the optional ones there are depends on the view.
 * @typedef {object} Arrays
 * @property {Uint8Array} preview [layer, head, token]: what the chosen tokens give or get, in 255 levels of `tops`
 * @property {Float32Array} tops [layer, head]
 * @property {Float32Array} tileTops [layer, head]: the weight at the top of each tile's colour scale
 * @property {Float32Array} previewSpecial [layer, head, special token]: their weights, exact
 * @property {Uint8Array} heatTable [level, 3]
 * @property {Uint8Array} lightTable [level, 3]
 * @property {Uint8Array} darkTable [level, 3]
 * @property {Uint8Array} [tiles] [layer, head, side, side] levels, of a text
 * @property {Uint8Array<ArrayBuffer>} [photo] a JPEG
 * @property {Float32Array} [row] [token]: the view's weights alone
 * @property {Float32Array} [query] [token, d_head]
 * @property {Float32Array} [key] [token, d_head]
 * @property {Float32Array} [lse] [token]
 * @property {Float32Array} [mask] [query or 1, key]
 * @property {Float32Array | Uint8Array} [matrix] [query, key]
 * @property {Float32Array} [rowMax] [query]
 * @property {Float32Array} [pooled] [cell, cell]
 */

/**
 * Where weights come from, one by one.
 * @typedef {object} Weights
 * @property {number} count of tokens, or cells
 * @property {(query: number, key: number) => number} weight
 */

/** @typedef {[layer: number, head: number]} Head */

/**
 * Whose weights are shown: of several tokens the mean of what they look at, or the sum of what looks at them.
 * @typedef {object} Shown
 * @property {number[]} tokens
 * @property {ViewFields} view
 * @property {Float32Array} weights [token]
 */

/**
 * The look of the page now, light or dark, for what is drawn on canvases; viz/theme.py has all of it.
 * @typedef {object} Theme
 * @property {Uint8Array} heat [level, 3]: over a photo
 * @property {number} heatOpacity of the strongest heat over a small photo
 * @property {Uint8Array} weights [level, 3]: on the page
 * @property {string} text
 * @property {string} accent
 * @property {string} font
 */

/**
 * All that a view may know. `load` gets a new one with each payload; until the next, the explorer changes this one.
 * @typedef {object} State
 * @property {Header} header
 * @property {Arrays} arrays
 * @property {ViewFields} view what is pinned here; it may be ahead of header.view, which the arrays belong to
 * @property {{token: number | null, head: Head | null}} hover what is under the pointer
 * @property {number} cursor the token that the arrow keys start from
 * @property {ImageBitmap | null} photo
 * @property {Weights | null} source of any row and column of the view; null where only arrays.row is here
 * @property {Shown} shown
 * @property {Theme} theme
 * @property {Scale | null} scale of the weights, where they share one with others
 */

/**
 * The weights at the top of a scale that is shared with others.
 * @typedef {object} Scale
 * @property {number} limit on a token that is not special
 * @property {number} most on any token
 */

/** @typedef {{token: number | null} | {head: Head | null}} Hovered */

/**
 * A token, or some heads, that something was done to; of a drag also where it began, whether it has just begun, and
 * whether it adds to what was chosen before.
 * @typedef {{token?: number, heads?: Head[], from?: number, begins?: boolean, adds?: boolean}} Pressed
 */

/**
 * What a view tells the explorer: "hover" (null: over nothing), "pin" (pressed), "move" (by an arrow key), "extend"
 * (all up to there), "toggle" (one more, or less), "word" (pressed twice), "drag", and "drop" at its end.
 * @callback On
 * @param {"hover" | "pin" | "move" | "extend" | "toggle" | "word" | "drag" | "drop"} event
 * @param {Hovered | Pressed} target
 * @returns {void}
 */

/**
 * One of the linked views. It is made once, as `new View(parts, on)`, and touches only its own parts.
 * @typedef {object} LinkedView
 * @property {(state: State) => void | Promise<void>} load takes in a new payload
 * @property {(state: State) => void} paint shows the state; it is called often
 */

/**
 * The elements of explorer.html by their data-part.
 * @typedef {object} Parts
 * @property {HTMLElement} left
 * @property {HTMLElement} title
 * @property {HTMLElement} targets
 * @property {HTMLElement} special
 * @property {HTMLSelectElement} orders
 * @property {HTMLElement} measure
 * @property {HTMLElement} role
 * @property {HTMLElement} strip
 * @property {HTMLCanvasElement} photo
 * @property {HTMLElement} chips
 * @property {HTMLElement} named
 * @property {HTMLDetailsElement} fold
 * @property {HTMLElement} matrixNote
 * @property {PlotElement} matrix
 * @property {HTMLElement} legend
 * @property {HTMLElement} keyNow
 * @property {HTMLElement} gridBox
 * @property {HTMLCanvasElement} grid
 * @property {HTMLElement} words
 * @property {HTMLElement} why
 * @property {HTMLElement} bars
 * @property {HTMLButtonElement} copy
 * @property {HTMLSelectElement} format
 * @property {HTMLElement} link
 * @property {HTMLElement} layerNow
 * @property {HTMLElement} headNow
 */

/**
 * What compared.html has besides, in its last section and around all of them.
 * @typedef {Parts & {
 *   together: HTMLElement, low: HTMLElement, high: HTMLElement, two: HTMLElement, beyond: HTMLElement,
 *   cell: HTMLElement, matrixA: PlotElement, matrixB: PlotElement, matrixLess: PlotElement,
 * }} PairParts
 */

/**
 * Sends a state ("view") or a trigger ("more", "save") to the server.
 * @callback Tell
 * @param {"view" | "more" | "save"} name
 * @param {unknown} value
 * @returns {void}
 */

/**
 * The part of plotly.js that is used.
 * @typedef {object} Plotly
 * @property {(box: HTMLElement, data: object[], layout: object, config: object) => Promise<unknown>} react
 * @property {(box: HTMLElement, change: object) => Promise<unknown>} relayout
 * @property {(figure: object, options: object) => Promise<string>} toImage
 * @property {{camera: object}} Icons
 */

/** @typedef {{_length: number, _offset: number, l2p: (cell: number) => number}} PlotAxis */

/**
 * @typedef {object} PlotPoint
 * @property {[number, number]} [pointIndex]
 * @property {[number, number]} pointNumber
 * @property {number} [customdata]
 * @property {{meta?: string}} data
 */

/** @typedef {{points: PlotPoint[], event?: MouseEvent} & Record<string, unknown>} PlotEvent */

/**
 * An element that plotly.js draws in.
 * @typedef {HTMLElement & {
 *   data: {z: ArrayLike<ArrayLike<number>>}[],
 *   layout: {margin: object, font: object, xaxis: {range: number[]}, yaxis: {range: number[]}},
 *   _fullLayout?: {xaxis: PlotAxis, yaxis: PlotAxis},
 *   on: (event: string, listener: (event: PlotEvent) => void) => void,
 * }} PlotElement
 */

/**
 * An input of an atlas; what is written of it is escaped.
 * @typedef {object} JointInput
 * @property {number} number
 * @property {string} id
 * @property {string[]} tokens of a photo those before its patches
 * @property {[rows: number, columns: number] | null} grid of patches; null of a text
 * @property {string | null} picture of a photo, small: its address; null where there is none
 */

/**
 * What viz/explorer/joint.py sends.
 * @typedef {object} JointPayload
 * @property {{data: {customdata?: number[]}[], layout: object}} figure
 * @property {JointInput[]} inputs
 * @property {number[]} input which of the inputs each position is of
 * @property {number[]} position which of its tokens
 * @property {string} alt
 */

export {};
