// clang-format off
// The macros of other people's headers, all at once: what rapt's headers have to stand. Some as they are in windows.h, Qt,
// X11, Arduino, curses and others; of the rest only the names matter, so what they stand for can't be compiled.
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#define near
#define far
#define small char
#define hyper __int64
#define interface struct
#define pascal __stdcall
#define cdecl __cdecl
#define IN
#define OUT
#define OPTIONAL
#define CONST const
#define VOID void
#define ERROR 0
#define DELETE 0x00010000L
#define slots
#define signals public
#define emit
#define foreach for
#define forever for (;;)
#define check(assertion) do { } while (0)
#define verify(assertion) do { } while (0)
#define require(assertion, label) do { } while (0)
#define None 0L
#define Bool int
#define Status int
#define Success 0
#define Always 2
#define Never 0
#define True 1
#define False 0
#define I (__extension__ 1.0iF)
#define abs(x) ((x) > 0 ? (x) : -(x))
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x) - 0.5))
#define sq(x) ((x) * (x))
#define radians(deg) ((deg) * 0.017453292519943295)
#define degrees(rad) ((rad) * 57.29577951308232)
#define constrain(amt, low, high) ((amt) < (low) ? (low) : ((amt) > (high) ? (high) : (amt)))
#define bit(b) (1UL << (b))
#define B0 0
#define F(string_literal) (string_literal)
#define PI 3.14159265358979
#define log2e 1.4426950408889634
#define move(y, x) wmove(stdscr, (y), (x))
#define erase() werase(stdscr)
#define clear() wclear(stdscr)
#define refresh() wrefresh(stdscr)
#define timeout(delay) wtimeout(stdscr, (delay))
#define border(ls) wborder(stdscr, (ls))
#define box(win, v, h) wborder(win, v, v, h, h, 0, 0, 0, 0)
#define filter filter_of_curses
#define swap(a, b) do { } while (0)
#define log(text) do { } while (0)
#define nil 0
#define YES 1
#define NO 0

#define A @a macro of somebody else@
#define B @a macro of somebody else@
#define C @a macro of somebody else@
#define D @a macro of somebody else@
#define E @a macro of somebody else@
#define G @a macro of somebody else@
#define H @a macro of somebody else@
#define J @a macro of somebody else@
#define K @a macro of somebody else@
#define L @a macro of somebody else@
#define M @a macro of somebody else@
#define N @a macro of somebody else@
#define O @a macro of somebody else@
#define P @a macro of somebody else@
#define Q @a macro of somebody else@
#define R @a macro of somebody else@
#define S @a macro of somebody else@
#define T @a macro of somebody else@
#define U @a macro of somebody else@
#define V @a macro of somebody else@
#define W @a macro of somebody else@
#define X @a macro of somebody else@
#define Y @a macro of somebody else@
#define Z @a macro of somebody else@
#define a @a macro of somebody else@
#define b @a macro of somebody else@
#define c @a macro of somebody else@
#define d @a macro of somebody else@
#define e @a macro of somebody else@
#define f @a macro of somebody else@
#define g @a macro of somebody else@
#define h @a macro of somebody else@
#define i @a macro of somebody else@
#define j @a macro of somebody else@
#define k @a macro of somebody else@
#define l @a macro of somebody else@
#define m @a macro of somebody else@
#define n @a macro of somebody else@
#define o @a macro of somebody else@
#define p @a macro of somebody else@
#define q @a macro of somebody else@
#define r @a macro of somebody else@
#define s @a macro of somebody else@
#define t @a macro of somebody else@
#define u @a macro of somebody else@
#define v @a macro of somebody else@
#define w @a macro of somebody else@
#define x @a macro of somebody else@
#define y @a macro of somebody else@
#define z @a macro of somebody else@
#define B1 @a macro of somebody else@
#define F_CPU @a macro of somebody else@
#define pi @a macro of somebody else@
#define TWO_PI @a macro of somebody else@
#define HALF_PI @a macro of somebody else@
#define EULER @a macro of somebody else@
#define DEG_TO_RAD @a macro of somebody else@
#define RAD_TO_DEG @a macro of somebody else@
#define log10e @a macro of somebody else@
#define ln2 @a macro of somebody else@
#define ln10 @a macro of somebody else@
#define inf @a macro of somebody else@
#define nan @a macro of somebody else@
#define TRUE @a macro of somebody else@
#define FALSE @a macro of somebody else@
#define STRICT @a macro of somebody else@
#define IGNORE @a macro of somebody else@
#define INFINITE @a macro of somebody else@
#define NO_ERROR @a macro of somebody else@
#define GetObject @a macro of somebody else@
#define Yield @a macro of somebody else@
#define rad1 @a macro of somebody else@
#define rad2 @a macro of somebody else@
#define grp1 @a macro of somebody else@
#define grp2 @a macro of somebody else@
#define psh1 @a macro of somebody else@
#define stc1 @a macro of somebody else@
#define SLOT @a macro of somebody else@
#define SIGNAL @a macro of somebody else@
#define METHOD @a macro of somebody else@
#define check_noerr @a macro of somebody else@
#define require_noerr @a macro of somebody else@
#define ensure @a macro of somebody else@
#define checkf @a macro of somebody else@
#define verifyf @a macro of somebody else@
#define unimplemented @a macro of somebody else@
#define CHECK @a macro of somebody else@
#define REQUIRE @a macro of somebody else@
#define VERIFY @a macro of somebody else@
#define SECTION @a macro of somebody else@
#define INFO @a macro of somebody else@
#define FAIL @a macro of somebody else@
#define LOG @a macro of somebody else@
#define TEST @a macro of somebody else@
#define THEN @a macro of somebody else@
#define WHEN @a macro of somebody else@
#define GIVEN @a macro of somebody else@
#define likely @a macro of somebody else@
#define unlikely @a macro of somebody else@
#define expect @a macro of somebody else@
#define Below @a macro of somebody else@
#define Above @a macro of somebody else@
#define Bottom @a macro of somebody else@
#define Top @a macro of somebody else@
#define Left @a macro of somebody else@
#define Right @a macro of somebody else@
#define Complex @a macro of somebody else@
#define Convex @a macro of somebody else@
#define Unsorted @a macro of somebody else@
#define YSorted @a macro of somebody else@
#define Button1 @a macro of somebody else@
#define KeyPress @a macro of somebody else@
#define FocusIn @a macro of somebody else@
#define FocusOut @a macro of somebody else@
#define Expose @a macro of somebody else@
#define CursorShape @a macro of somebody else@
#define ControlMask @a macro of somebody else@
#define Opposite @a macro of somebody else@
#define bitRead @a macro of somebody else@
#define bitSet @a macro of somebody else@
#define bitClear @a macro of somebody else@
#define bitWrite @a macro of somebody else@
#define lowByte @a macro of somebody else@
#define highByte @a macro of somebody else@
#define word @a macro of somebody else@
#define boolean @a macro of somebody else@
#define interrupts @a macro of somebody else@
#define DEFAULT @a macro of somebody else@
#define INPUT @a macro of somebody else@
#define OUTPUT @a macro of somebody else@
#define HIGH @a macro of somebody else@
#define LOW @a macro of somebody else@
#define DEC @a macro of somebody else@
#define HEX @a macro of somebody else@
#define OCT @a macro of somebody else@
#define BIN @a macro of somebody else@
#define echo @a macro of somebody else@
#define noecho @a macro of somebody else@
#define beep @a macro of somebody else@
#define flash @a macro of somebody else@
#define raw @a macro of somebody else@
#define nl @a macro of somebody else@
#define scroll @a macro of somebody else@
#define delay @a macro of somebody else@
#define insch @a macro of somebody else@
#define instr @a macro of somebody else@
#define addch @a macro of somebody else@
#define hline @a macro of somebody else@
#define vline @a macro of somebody else@
#define getch @a macro of somebody else@
#define insertln @a macro of somebody else@
#define deleteln @a macro of somebody else@
#define attrset @a macro of somebody else@
#define standout @a macro of somebody else@
#define bkgd @a macro of somebody else@
#define scrl @a macro of somebody else@
#define setscrreg @a macro of somebody else@
#define lerp @a macro of somebody else@
#define clamp @a macro of somebody else@
#define block @a macro of somebody else@
#define blocks @a macro of somebody else@
#define bits @a macro of somebody else@
#define words @a macro of somebody else@
#define byte @a macro of somebody else@
#define head @a macro of somebody else@
#define tail @a macro of somebody else@
#define first @a macro of somebody else@
#define last @a macro of somebody else@
#define next @a macro of somebody else@
#define prev @a macro of somebody else@
#define index @a macro of somebody else@
#define rank @a macro of somebody else@
#define row @a macro of somebody else@
#define rows @a macro of somebody else@
#define column @a macro of somebody else@
#define columns @a macro of somebody else@
#define count @a macro of somebody else@
#define size @a macro of somebody else@
#define length @a macro of somebody else@
#define stage @a macro of somebody else@
#define layer @a macro of somebody else@
#define page @a macro of somebody else@
#define pages @a macro of somebody else@
#define state @a macro of somebody else@
#define span @a macro of somebody else@
#define spans @a macro of somebody else@
#define tile @a macro of somebody else@
#define tiles @a macro of somebody else@
#define mask @a macro of somebody else@
#define group @a macro of somebody else@
#define groups @a macro of somebody else@
#define scale @a macro of somebody else@
#define scores @a macro of somebody else@
#define values @a macro of somebody else@
#define keys @a macro of somebody else@
#define key @a macro of somebody else@
#define value @a macro of somebody else@
#define query @a macro of somebody else@
#define head_dim @a macro of somebody else@
#define view @a macro of somebody else@
#define item @a macro of somebody else@
#define items @a macro of somebody else@
#define work @a macro of somebody else@
#define plan @a macro of somebody else@
#define merge @a macro of somebody else@
#define pack @a macro of somebody else@
#define load @a macro of somebody else@
#define store @a macro of somebody else@
#define select @a macro of somebody else@
#define fma @a macro of somebody else@
#define add @a macro of somebody else@
#define sub @a macro of somebody else@
#define mul @a macro of somebody else@
#define div @a macro of somebody else@
#define exp @a macro of somebody else@
#define tanh @a macro of somebody else@
#define floor @a macro of somebody else@
#define broadcast @a macro of somebody else@
#define any @a macro of somebody else@
#define all @a macro of somebody else@
#define none @a macro of somebody else@
#define access @a macro of somebody else@
#define assume @a macro of somebody else@
#define hot @a macro of somebody else@
#define cold @a macro of somebody else@
#define pure @a macro of somebody else@
#define force_inline @a macro of somebody else@
#define ALWAYS_INLINE @a macro of somebody else@
#define restrict @a macro of somebody else@
#define unused @a macro of somebody else@
#define UNUSED @a macro of somebody else@
#define fail @a macro of somebody else@
#define name @a macro of somebody else@
#define text @a macro of somebody else@
#define data @a macro of somebody else@
#define stride @a macro of somebody else@
#define extent @a macro of somebody else@
#define batch @a macro of somebody else@
#define position @a macro of somebody else@
#define lanes @a macro of somebody else@
#define kernel @a macro of somebody else@
#define region @a macro of somebody else@
#define generic @a macro of somebody else@
#define avx2 @a macro of somebody else@
#define avx512 @a macro of somebody else@
#define neon @a macro of somebody else@
#define error @a macro of somebody else@
#define warning @a macro of somebody else@
#define debug @a macro of somebody else@
#define trace @a macro of somebody else@
