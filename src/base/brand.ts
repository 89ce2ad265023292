declare const brand: unique symbol

/** A type that the compiler keeps apart from its base. Cast in one function per type: the one that checks. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }
