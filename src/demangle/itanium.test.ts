/** The examples that the Itanium C++ ABI gives, and one name for each corner of the grammar; expectations by hand. */

import { describe, expect, it } from "vitest";
import { demangle } from "./index.ts";

function check(names: Record<string, string>) {
  for (const [mangled, demangled] of Object.entries(names)) expect(demangle(mangled), mangled).toBe(demangled);
}

describe("the examples of the Itanium C++ ABI, chapter 5.1", () => {
  it("functions and operators", () => {
    check({
      _Z1fv: "f()",
      _Z1fi: "f(int)",
      _Z3foo3bar: "foo(bar)",
      _Zrm1XS_: "operator%(X, X)",
      _ZplR1XS0_: "operator+(X&, X&)",
      _ZlsRK1XS1_: "operator<<(X const&, X const&)",
      _ZlsRSoRKSs: "operator<<(std::ostream&, std::string const&)",
      _Z3foo5Hello5WorldS0_S_: "foo(Hello, World, World, Hello)",
    });
  });

  it("templates", () => {
    check({
      _ZN3FooIA4_iE3barE: "Foo<int [4]>::bar",
      _Z1fIiEvi: "void f<int>(int)",
      _Z5firstI3DuoEvS0_: "void first<Duo>(Duo)",
      _Z5firstI3DuoEvT_: "void first<Duo>(Duo)",
      _Z3fooIiPFidEiEvv: "void foo<int, int (*)(double), int>()",
      _ZN5StackIiiE5levelE: "Stack<int, int>::level",
      _Z4makeI7FactoryiET_IT0_Ev: "Factory<int> make<Factory, int>()",
    });
  });

  it("names in scopes", () => {
    check({
      _ZN1N1fE: "N::f",
      _ZN6System5Sound4beepEv: "System::Sound::beep()",
      _ZN5Arena5levelE: "Arena::level",
      _Z1fI1XEvPVN1AIT_E1TE: "void f<X>(A<X>::T volatile*)",
      _ZngILi42EEvN1AIXplT_Li2EEE1TE: "void operator-<42>(A<42 + 2>::T)",
      _ZZ1giE1S: "g(int)::S",
      _ZZ1gvEN1S1fE_2i: "g()::S::f(int)",
      _ZN1SC1Ev: "S::S()",
      _ZZ3foovENK1A3barEv: "foo()::A::bar() const",
    });
  });
});

describe("types", () => {
  it("declarators wrap around what they declare", () => {
    check({
      _Z1fPFivE: "f(int (*)())",
      _Z1fPFPFvvEiE: "f(void (* (*)(int))())",
      _Z1fPA3_A4_i: "f(int (*) [3][4])",
      _Z1fRA3_KPFvvE: "f(void (* const (&) [3])())",
      _Z1fM1AKFvvE: "f(void (A::*)() const)",
      _Z1fM1Ai: "f(int A::*)",
      _Z1fIiEPFvT_Ev: "void (*f<int>())(int)",
      _Z1fPrVKc: "f(char const volatile restrict*)",
    });
  });

  it("references to references collapse", () => {
    check({
      _Z1fIRiEvOT_: "void f<int&>(int&)",
      _Z1fIOiEvOT_: "void f<int&&>(int&&)",
      _Z1fIOiEvRT_: "void f<int&&>(int&)",
    });
  });

  it("functions with qualifiers and exception specifications", () => {
    check({
      _Z1fPDoFvvE: "f(void (*)() noexcept)",
      _Z1fPDOLb1EEFvvE: "f(void (*)() noexcept(true))",
      _Z1fPDwiEFvvE: "f(void (*)() throw(int))",
      _ZNKR1A1fEv: "A::f() const &",
      _ZNO1A1fEv: "A::f() &&",
      _ZNH1A1fES_i: "A::f(this A, int)",
    });
  });

  it("the rarer ones", () => {
    check({
      _Z1fDB17_DU8_: "f(_BitInt(17), unsigned _BitInt(8))",
      _Z1fDF16_DF16b: "f(_Float16, std::bfloat16_t)",
      _Z1fDnDiDsDu: "f(std::nullptr_t, char32_t, char16_t, char8_t)",
      _Z1fDv4_fDv_i: "f(float vector[4], int vector[])",
      _Z1fCdGf: "f(double complex, float imaginary)",
      _Z1fU7_AtomicPU3AS1i: "f(int AS1* _Atomic)",
      _Z1fu11__SVInt32_t: "f(__SVInt32_t)",
      _Z1fPU19objcproto9NSCopying11objc_object: "f(id<NSCopying>)",
      _Z1fTs1ATe1B: "f(struct A, enum B)",
      _Z1fIiEDcT_: "decltype(auto) f<int>(int)",
      _Z1fIiEDTplfp_Li1EET_: "decltype(fp + 1) f<int>(int)",
    });
  });
});

describe("names", () => {
  it("special names", () => {
    check({
      _ZTV1A: "vtable for A",
      _ZTT1A: "VTT for A",
      _ZTI1A: "typeinfo for A",
      _ZTSPK1A: "typeinfo name for A const*",
      _ZTC1A8_1B: "construction vtable for B-in-A",
      _ZThn16_N1A1fEv: "non-virtual thunk to A::f()",
      _ZTv0_n24_N1A1fEv: "virtual thunk to A::f()",
      _ZTch0_v0_n16_N1A1fEv: "covariant return thunk to A::f()",
      _ZGVZ1fvE1x: "guard variable for f()::x",
      _ZGRN1A1bE_: "reference temporary for A::b",
      _ZGR1a0_: "reference temporary for a",
      _ZTW1x: "thread-local wrapper routine for x",
      _ZTH1x: "thread-local initialization routine for x",
      _ZGIW3foo: "initializer for module foo",
      _ZTAXtl1ALi1EEE: "template parameter object for A{1}",
    });
  });

  it("constructors of abbreviated classes have the full name", () => {
    check({
      _ZNSsC1ERKSs:
        "std::basic_string<char, std::char_traits<char>, std::allocator<char>>::basic_string(std::string const&)",
      _ZNSaIcED1Ev: "std::allocator<char>::~allocator()",
      _ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEC1Ev:
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char>>::basic_string()",
      _ZN1BCI11AEi: "B::B(int)",
    });
  });

  it("lambdas, unnamed types, structured bindings, tags, modules, friends", () => {
    check({
      _ZZ1fvENKUlvE0_clEv: "f()::'lambda0'()::operator()() const",
      _ZZ1fvENKUlT_E_clIiEEDaS_: "auto f()::'lambda'(auto)::operator()<int>(auto) const",
      _ZZ1fvENKUlTyT_E_clIiEEDaS_: "auto f()::'lambda'<typename $T>($T)::operator()<int>($T) const",
      _ZN1AUt_1xE: "A::'unnamed'::x",
      _ZDC1a1bE: "[a, b]",
      _Z1fB5cxx11v: "f[abi:cxx11]()",
      _ZW3fooW3bar1fv: "f@foo.bar()",
      _ZN12_GLOBAL__N_11fEv: "(anonymous namespace)::f()",
      _ZN1AF1fEv: "A::friend f()",
      _ZZ1fvEs: "f()::string literal",
      _ZZ1fiEd_NKUlvE_clEv: "f(int)::'lambda'()::operator()() const",
    });
  });

  it("operators", () => {
    check({
      _ZN1ApmEi: "A::operator->*(int)",
      _ZN1AptEv: "A::operator->()",
      _ZN1AawEv: "A::operator co_await()",
      _ZN1AssERKS_: "A::operator<=>(A const&)",
      _Znam: "operator new[](unsigned long)",
      _Zli3_kmy: 'operator"" _km(unsigned long long)',
      _ZN1AcvbEv: "A::operator bool()",
      _ZN1AcvPT_IiEEv: "A::operator int*<int>()",
      _ZN1AdsEv: "_ZN1AdsEv",
    });
  });

  it("a template template parameter is a substitution candidate of its own", () => {
    // As GCC and clang mangle `template <template <class> class C, class T> void f(C<T>, C<int>, T*, C<T>*, X, X)`.
    check({ _Z1fI1VcEvT_IT0_ES1_IiEPS2_PS3_1XS7_: "void f<V, char>(V<char>, V<int>, char*, V<char>*, X, X)" });
  });
});

describe("packs", () => {
  it("expand to their elements, and empty ones to nothing", () => {
    check({
      _Z1fIJicEEvDpT_: "void f<int, char>(int, char)",
      _Z1fIJicEEvDpRKT_: "void f<int, char>(int const&, char const&)",
      _Z1fIiJEEvT_DpT0_c: "void f<int>(int, char)",
      _Z1fIJEEviDpT_c: "void f<>(int, char)",
      _Z1fIJicEEv1AIJDpPT_EE: "void f<int, char>(A<int*, char*>)",
      _Z1fIJiEEvDTsZT_E: "void f<int>(decltype(sizeof...(int)))",
    });
  });
});

describe("expressions", () => {
  it("get parentheses where precedence needs them", () => {
    check({
      _Z1fIXmlplLi1ELi2ELi3EEEvv: "void f<(1 + 2) * 3>()",
      _Z1fIXplLi1EmlLi2ELi3EEEvv: "void f<1 + 2 * 3>()",
      _Z1fIXmiLi1EmiLi2ELi3EEEvv: "void f<1 - (2 - 3)>()",
      _Z1fIXdvLi6EmlLi1ELi2EEEvv: "void f<6 / (1 * 2)>()",
      _Z1fIXgtLi2ELi1EEEvv: "void f<(2 > 1)>()",
      _Z1fIXaagtLi2ELi1ELb1EEEvv: "void f<(2 > 1) && true>()",
      _Z1fIXcvbgtLi2ELi1EEEvv: "void f<(bool)(2 > 1)>()",
    });
  });

  it("of every form", () => {
    check({
      _Z1fIXquLb1ELi1ELi2EEEvv: "void f<true ? 1 : 2>()",
      _Z1fIXstiEEvv: "void f<sizeof (int)>()",
      _Z1fIXscPFivELDnEEEvv: "void f<static_cast<int (*)()>(nullptr)>()",
      _Z1fIXnwLi1E_ipiLi2EEEEvv: "void f<new(1) int(2)>()",
      _Z1fIXgsdaLi1EEEvv: "void f<::delete[] 1>()",
      _Z1fIXcl1gLi1ELi2EEEEvv: "void f<g(1, 2)>()",
      _Z1fIXtl1Adi1xLi1EEEEvv: "void f<A{.x = 1}>()",
      _Z1fIXtlA2_idxLi1ELi5EdXLi2ELi3ELi0EEEEvv: "void f<int [2]{[1] = 5, [2 ... 3] = 0}>()",
      _Z1fIJLi1ELi2EEEvDTflplT_E: "void f<1, 2>(decltype((... + (1, 2))))",
      _Z1fIiEvDTdtfp_1xE: "void f<int>(decltype(fp.x))",
      _Z1fIiEvDTsrT_1xE: "void f<int>(decltype(int::x))",
      _Z1fIiEvDTsr1A1B1xE: "_Z1fIiEvDTsr1A1B1xE",
      _Z1fIiEvDTsr1A1BE1xE: "void f<int>(decltype(A::B::x))",
      _Z1fIiEvDTnxtrE: "void f<int>(decltype(noexcept (throw)))",
      _Z1fIiEvvQ1CIT_E: "void f<int>() requires C<T>",
      _Z1fIiEvvQrqXfp_R1CTT_QLb1EE: "void f<int>() requires requires { {fp} -> C; typename T; requires true; }",
      _Z1fUa9enable_ifILb1EEi: "f(int) [enable_if:true]",
    });
  });

  it("literals", () => {
    check({
      _Z1fIXLin5EEEvv: "void f<-5>()",
      _Z1fILi5ELj5ELl5ELm5ELx5ELy5ELs5ELc97ELb1EEvv: "void f<5, 5u, 5l, 5ul, 5ll, 5ull, (short)5, (char)97, true>()",
      _Z1fIL1E3EEvv: "void f<(E)3>()",
      _Z1fILDn0EEvv: "void f<nullptr>()",
      _Z1fIL_Z1gvEEvv: "void f<g()>()",
      _Z1fIXadL_ZN1A1gEvEEEvv: "void f<&A::g()>()",
      _Z1fIXLUlvE_EEEvv: "void f<[](){...}>()",
      _Z1fILA4_cEEvv: 'void f<"<char [4]>">()',
    });
  });

  it("floating point literals, exactly", () => {
    check({
      _Z1fILf3fc00000EEvv: "void f<0x1.8p+0f>()",
      _Z1fILf80000000EEvv: "void f<-0x0p+0f>()",
      // The smallest float above zero, 2^-149.
      _Z1fILf00000001EEvv: "void f<0x1p-149f>()",
      _Z1fILd3fb999999999999aEEvv: "void f<0x1.999999999999ap-4>()",
      _Z1fILd0000000000000001EEvv: "void f<0x0.0000000000001p-1022>()",
      _Z1fILd7ff0000000000000EEvv: "void f<inf>()",
      // x87: 1.5 is an exponent of 0x3fff and a mantissa of 0xc000000000000000.
      _Z1fILe3fffc000000000000000EEvv: "void f<0xcp-3L>()",
    });
  });
});
